import { expect, it } from 'vitest';
import { pcmu8k } from '../audio/format.ts';
import { silentLogger } from '../base/logger.ts';
import type { LegEnd, PlaybackTraits } from '../call/leg.ts';
import { type MediaStream, StreamLeg } from './stream-leg.ts';
import { TestHost } from './testing/test-host.ts';

const playback: PlaybackTraits = {
  buffering: 'queued',
  acknowledges: 'marks',
  markEveryMs: 200,
  continuousMedia: false,
  delivery: {},
};

class AnyLeg extends StreamLeg<MediaStream> {
  readonly carrier = 'any';
  readonly carrierCallId = 'c1';
  readonly receives = pcmu8k;
  readonly sends = pcmu8k;
  readonly playback = playback;
  protected readonly idName = 'callId';
  forgotten = 0;

  claim(stream: MediaStream): string | undefined {
    const { refusal } = this;
    if (refusal === undefined) this.take(stream);
    return refusal?.code;
  }

  end(end: LegEnd): void {
    this.endOnce(end, () => {
      this.forgotten += 1;
    });
  }

  protected tellHangUp(): Promise<unknown> {
    return Promise.reject(new Error('the API is down'));
  }
}

function set() {
  const said: string[] = [];
  const stream: MediaStream = {
    play: () => said.push('play'),
    mark: (name) => said.push(`mark ${name}`),
    clear: () => said.push('clear'),
    close: async () => void said.push('close'),
  };
  const leg = new AnyLeg({ direction: 'inbound', variables: {} }, silentLogger);
  const host = new TestHost();
  host.accept(leg);
  return { leg, host, stream, said, heard: host.calls[0]?.log };
}

it('does not connect a call that hung up as it heard of its answer', async () => {
  const { leg, host, stream, heard } = set();
  let hungUp: Promise<void> | undefined;
  host.onAnswered = () => {
    hungUp = leg.hangUp('model-failed');
  };
  expect(leg.claim(stream)).toBeUndefined();
  leg.streamOpened();
  await hungUp;
  expect(heard).toEqual(['answered', 'ended hung-up']);
});

it('takes one stream, and none once it is being hung up', async () => {
  const { leg, stream } = set();
  expect(leg.claim(stream)).toBeUndefined();
  expect(leg.claim(stream)).toBe('PATCHCORD_MESSAGE_ORDER');
  const hungUp = leg.hangUp('agent');
  expect(leg.claim(stream)).toBe('PATCHCORD_STREAM_TOKEN_INVALID');
  await hungUp;
  expect(leg.claim(stream)).toBe('PATCHCORD_STREAM_TOKEN_INVALID');
});

it('ends once, for the reason that was told first, with its stream closed whatever the API says', async () => {
  const { leg, stream, said, heard } = set();
  leg.claim(stream);
  leg.streamOpened();
  const hungUp = leg.hangUp('agent');
  leg.end({ reason: 'connection-lost' });
  await hungUp;
  leg.end({ reason: 'hung-up' });
  leg.mark('m1');
  expect(heard).toEqual(['answered', 'connected', 'ended connection-lost']);
  expect(new Set(said)).toEqual(new Set(['close']));
  expect(leg.forgotten).toBe(1);
});
