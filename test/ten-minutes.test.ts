import { describe, expect, it } from 'vitest';
import { bytesPerMs, silenceByte } from '../src/audio/format.ts';
import { VirtualClock } from '../src/base/virtual-clock.ts';
import type { NetworkOptions } from '../src/emulators/network.ts';
import { CallerAudio } from '../src/emulators/phone/caller-audio.ts';
import { SeededRandom } from '../src/emulators/seeded-random.ts';
import { type TenMinuteCarrier, tenMinuteCarriers } from './ten-minutes/carriers.ts';
import { House } from './ten-minutes/house.ts';
import { type Answer, TalkingModel } from './ten-minutes/talking-model.ts';

const callMs = 600_000;
/** The first half without barge-ins: every byte of every answer is heard. */
const calmMs = callMs / 2;
/** What is under way at the end arrives, and the last answer sounds to its end. */
const settleMs = 20_000;

/** Delays both ways, jitter, and now and then nothing for a while, then everything at once. */
const network: NetworkOptions = {
  toGateway: { delayMs: 30, jitterMs: 60, stallEveryMs: 15_000, stallMs: 400 },
  toCarrier: { delayMs: 30, jitterMs: 60, stallEveryMs: 15_000, stallMs: 400 },
  marks: { jitterMs: 30 },
};
/** How far what the model was told may lie from what was heard: the jitter of the way there, and two stalls in a row. */
const usuallyToldWithinMs = 60 + 2 * 400 + 40;

describe.each(Object.entries(tenMinuteCarriers))('ten minutes over %s, with jitter', (_name, carrier) => {
  it('lose no audio and play none twice, in either direction', { timeout: 120_000 }, async () => {
    const clock = new VirtualClock();
    const model = new TalkingModel({ clock, seed: 11, untilMs: callMs, calmMs, bargeIns: 0.6 });
    const served = await carrier.serve?.();
    const env = { ...carrier.env, ...served?.env };
    const house = await House.build({ carrier: carrier.carrier, env, clock, model });
    const words = wordsOf(callMs);
    const phone = {
      steps: [{ do: 'speak', audio: words, atMs: 0 }],
      network,
      seed: 5,
      player: { keepAudio: true },
      maxCallMs: callMs + settleMs,
    } as const;
    try {
      const line = await carrier.call(house, phone, served);
      await house.pass(callMs + settleMs + 5000);
      const { record } = line;
      expect(record).toMatchObject({ endedBy: 'caller', violations: [], framesLost: 0, framesLate: 0 });
      expect(house.refusals).toEqual([]);
      expect(house.eventsOf('call.ended').map(({ reason }) => reason)).toEqual(['caller-hung-up']);
      expect(house.eventsOf('caller-audio.lost')).toEqual([]);
      expect(house.eventsOf('error')).toEqual([]);

      const spoken = callerBytes(words, carrier, record.framesSent);
      expect(record.framesSent).toBeGreaterThanOrEqual(callMs / 20);
      expectSame(model.session.callerAudio(), spoken);

      const heard = agentBytes(Buffer.from(line.player.playedAudio()), carrier);
      expectHeard(heard, model.session.answers, carrier);
      house.close();
      // A carrier's API may still have to answer.
      await expect.poll(() => clock.pending).toBe(0);
    } finally {
      house.close();
      await served?.close();
    }
  });
});

/** Ten minutes of which no stretch comes twice. */
function wordsOf(ms: number): CallerAudio {
  return new CallerAudio(ms, (sampleRate) => {
    const random = new SeededRandom(3);
    return Int16Array.from({ length: (ms * sampleRate) / 1000 }, () => random.between(-6000, 6000));
  });
}

/** What went over the wire: the words, then silence until the end. */
function callerBytes(
  words: CallerAudio,
  { format, messageBytes = 1 }: TenMinuteCarrier,
  frames: number,
): Buffer {
  const spoken = Buffer.concat(words.framesIn(format).slice(0, frames));
  const bytes = frames * 20 * bytesPerMs(format);
  const all = Buffer.concat([spoken, Buffer.alloc(bytes - spoken.length, silenceByte(format))]);
  return all.subarray(0, bytes - (bytes % messageBytes));
}

/** What was heard without the silence that fills pauses. */
function agentBytes(heard: Buffer, { format, fillsSilence = false }: TenMinuteCarrier): Buffer {
  if (!fillsSilence) return heard;
  const frame = 20 * bytesPerMs(format);
  const silence = silenceByte(format);
  const frames: Buffer[] = [];
  for (let at = 0; at < heard.length; at += frame) frames.push(heard.subarray(at, at + frame));
  return Buffer.concat(frames.filter((each) => each.some((byte) => byte !== silence)));
}

/** `Buffer.equals` says no more than that; where they part says more. */
function expectSame(got: Buffer, sent: Buffer): void {
  if (got.equals(sent)) return;
  const at = sent.findIndex((byte, position) => byte !== got[position]);
  expect.fail(`${got.length} bytes, not ${sent.length}; another byte at ${at}`);
}

/**
 * One answer after the other was heard from its first byte on: to its end where nobody spoke into it, else as far as
 * the model was told. What was heard twice, or late, would not be the beginning of the next answer.
 */
function expectHeard(heard: Buffer, answers: readonly Answer[], carrier: TenMinuteCarrier): void {
  const perMs = bytesPerMs(carrier.format);
  const { toldWithinMs = usuallyToldWithinMs } = carrier;
  let at = 0;
  for (const answer of answers) {
    const whole = padded(answer.audio, carrier);
    const bytes = commonStart(heard.subarray(at, at + whole.length), whole);
    at += bytes;
    const missingMs = (whole.length - bytes) / perMs;
    if (!answer.cut) {
      expect(missingMs, `missing of ${answer.itemId}, which was not cut`).toBe(0);
      continue;
    }
    const toldMs = answer.heardMs ?? answer.audio.length / perMs;
    const heardMs = Math.min(bytes, answer.audio.length) / perMs;
    expect(Math.abs(heardMs - toldMs), `${answer.itemId}: ${heardMs} ms heard, ${toldMs} told`).toBeLessThan(
      toldWithinMs,
    );
  }
  expect(heard.length - at, 'bytes that are of no answer').toBe(0);
}

function padded(audio: Buffer, { format, frameMs }: TenMinuteCarrier): Buffer {
  if (frameMs === undefined) return audio;
  const frame = frameMs * bytesPerMs(format);
  const rest = (frame - (audio.length % frame)) % frame;
  return Buffer.concat([audio, Buffer.alloc(rest, silenceByte(format))]);
}

function commonStart(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  if (one.subarray(0, length).equals(other.subarray(0, length))) return length;
  let at = 0;
  while (at < length && one[at] === other[at]) at += 1;
  return at;
}
