import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AudioChunk } from '../src/audio/chunk.ts';
import { SystemClock } from '../src/base/clock.ts';
import { emptyRecord, publicUrl, TestHost } from '../src/carriers/testing/test-host.ts';
import { FakeTwilioCall } from '../src/emulators/twilio/call.ts';
import { FakeTwilioRest } from '../src/emulators/twilio/rest-server.ts';
import { authToken, type ServedTwilio, serveTwilio, testSettings } from './support/twilio-host.ts';

const accountSid = `AC${'0'.repeat(32)}`;
const clock = new SystemClock();
const gateway = () => ({ clock, accountSid, authToken, gatewayUrl: served.url, publicUrl });

let host: TestHost;
let served: ServedTwilio;
let rest: FakeTwilioRest | undefined;

beforeEach(() => {
  host = new TestHost();
});

afterEach(async () => {
  await rest?.close();
  rest = undefined;
  await served.close();
});

/** 200 ms of audio, and a mark behind it, as soon as media flows. */
function greet(after: () => void): void {
  host.onConnected = (leg) => {
    leg.play(AudioChunk.fromBytes(Buffer.alloc(1600, 0x20)));
    leg.mark('greeting');
  };
  host.onPlayed = after;
}

describe('a simulated Twilio that shares no code with the carrier', () => {
  it('plays a whole inbound call: heard, then hung up by the gateway', async () => {
    served = await serveTwilio(host);
    greet(() => void host.calls[0]?.leg.hangUp('agent', emptyRecord).catch(() => expect.unreachable()));
    const record = await new FakeTwilioCall({ ...gateway(), statusCallback: '/status-callback' }).run();
    expect(record).toMatchObject({ status: 'completed', failure: undefined, notices: [] });
    await host.calls[0]?.ended;
    expect(record.verbs.map(({ verb }) => verb)).toEqual(['connect', 'hangup']);
    expect(record.stream).toMatchObject({
      endedBy: 'gateway',
      closeCode: 1000,
      violationCount: 0,
      playedMs: 200,
    });
    expect(record.stream?.marks).toMatchObject([{ name: 'greeting', how: 'played' }]);
    expect(host.calls.map(({ log }) => log)).toEqual([
      ['answered', 'connected', 'audio', 'played greeting', 'ended hung-up'],
    ]);
    expect(host.refusals).toEqual([]);
  });

  it('clears what is queued, and its marks come back at once', async () => {
    served = await serveTwilio(host);
    host.onConnected = (leg) => {
      leg.play(AudioChunk.fromBytes(Buffer.alloc(80_000, 0x20)));
      leg.mark('long');
      leg.clear();
    };
    host.onPlayed = () =>
      void host.calls[0]?.leg.hangUp('agent', emptyRecord).catch(() => expect.unreachable());
    const record = await new FakeTwilioCall(gateway()).run();
    expect(record.stream).toMatchObject({ violationCount: 0 });
    expect(record.stream?.playedMs).toBeLessThan(1000);
    expect(record.stream?.clears).toHaveLength(1);
    expect(record.stream?.marks).toMatchObject([{ name: 'long', how: 'cleared' }]);
  });

  it('passes keys on and ends when the caller hangs up', async () => {
    served = await serveTwilio(host);
    const steps = [
      { do: 'digits', digits: '4#' } as const,
      { do: 'wait', ms: 300 } as const,
      { do: 'hangup' } as const,
    ];
    const record = await new FakeTwilioCall({ ...gateway(), steps }).run();
    await host.calls[0]?.ended;
    expect(record.stream).toMatchObject({ endedBy: 'caller', violationCount: 0 });
    expect(host.calls[0]?.log).toEqual([
      'answered',
      'connected',
      'audio',
      'digit 4',
      'digit #',
      'ended hung-up',
    ]);
  });

  it('is dialled, answers, hears the greeting, and is hung up through the API', async () => {
    const ends = await dial('answer');
    expect(ends).toEqual([{ reason: 'hung-up' }]);
    expect(host.calls[0]?.log.slice(0, 3)).toEqual(['answered', 'connected', 'audio']);
    expect(host.refusals).toEqual([]);
  });

  it.each(['busy', 'failed'] as const)('is dialled and is %s', async (answer) => {
    expect(await dial(answer)).toEqual([{ reason: answer }]);
    expect(host.calls[0]?.log).toEqual([`ended ${answer}`]);
  });

  async function dial(answer: 'answer' | 'busy' | 'failed') {
    rest = new FakeTwilioRest({
      clock,
      accountSid,
      authToken,
      publicUrl,
      ringMs: 20,
      answer: () => answer,
      // The gateway has to know the API before it listens itself.
      get gatewayUrl() {
        return served.url;
      },
    });
    const apiBaseUrl = await rest.listen();
    served = await serveTwilio(host, {
      ...testSettings,
      accountSid,
      phoneNumber: '+15550009999',
      apiBaseUrl,
    });
    greet(() => void host.calls[0]?.leg.hangUp('agent', emptyRecord).catch(() => expect.unreachable()));
    const dialled = await served.carrier.dial?.({ to: '+15550001111', overrides: {} });
    expect(dialled?.carrierCallId).toMatch(/^CA/);
    await host.calls[0]?.ended;
    return host.calls[0]?.ends;
  }
});
