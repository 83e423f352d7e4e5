import { describe, expect, it } from 'vitest';
import { pcmu8k } from '../../audio/format.ts';
import { sine } from '../../audio/tones.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Conversation } from './conversation.ts';
import { EncodedAudio } from './encoded-audio.ts';
import type { ServerEvent } from './events.ts';
import { Ids } from './ids.ts';
import { ResponseRun } from './response.ts';

function run(durationMs: number, deltaMs: number, speed: number, latencyMs: number) {
  const clock = new VirtualClock();
  const sent: { at: number; event: ServerEvent }[] = [];
  const none = { textTokens: 0, audioTokens: 0 };
  const response = new ResponseRun(
    {
      clock,
      ids: new Ids(),
      conversation: new Conversation(),
      encoded: new EncodedAudio(),
      send: (event) => sent.push({ at: clock.now(), event }),
      audioSent: () => true,
      ended: () => undefined,
    },
    {
      parts: [
        { type: 'speech', samples: sine(440, durationMs, 8000), sampleRate: 8000, transcript: 'a b c' },
      ],
    },
    {
      inConversation: true,
      conversationId: 'conv_1',
      modality: 'audio',
      wireFormat: { type: 'audio/pcmu' },
      format: pcmu8k,
      voice: 'marin',
      maxOutputTokens: 'inf',
      metadata: null,
      input: none,
      inputBefore: none,
      latencyMs,
      deltaMs,
      speed,
      missingDone: false,
      lateDeltas: 0,
    },
  );
  response.start();
  return { clock, sent };
}

describe('pace', () => {
  it('sends deltas ahead of real time on deadlines that do not drift', () => {
    const { clock, sent } = run(60_000, 70, 7, 300);
    clock.advance(20_000);
    const deltas = sent.filter(({ event }) => event.type === 'response.output_audio.delta');
    expect(deltas).toHaveLength(858);
    deltas.forEach(({ at }, index) => {
      expect(at).toBeCloseTo(300 + index * 10, 6);
    });
    expect(clock.pending).toBe(0);
  });

  it('catches up after the process was held up, and leaves no timer behind', () => {
    const { clock, sent } = run(4000, 4000, 4, 0);
    clock.advance(0);
    expect(sent.at(-1)?.event.type).toBe('response.output_audio.delta');
    clock.advance(1000);
    expect(sent.at(-1)?.event.type).toBe('response.done');
    expect(clock.pending).toBe(0);
  });
});
