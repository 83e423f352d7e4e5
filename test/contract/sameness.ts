import { expect } from 'vitest';
import { AudioChunk } from '../../src/audio/chunk.ts';
import { createConverter, decodeSamples } from '../../src/audio/convert.ts';
import { type AudioFormat, bytesPerMs, pcm16At, sameFormat, silenceByte } from '../../src/audio/format.ts';
import { levelDbfs } from '../../src/audio/level.ts';
import type { CarrierTraits } from './carrier-driver.ts';
import type { Ear } from './ear.ts';
import type { TappedSession } from './model-tap.ts';

/** What a resampler may hold back, and by what a resampled stretch may differ in length. */
const slackMs = 10;
/** Two samplings of the same sound; what is swapped, lost or doubled falls far below. */
const leastCorrelation = 0.97;
const levelToleranceDb = 1;

/** What is heard to its end where frames fill up with silence and a resampler rounds: when it has been quiet for this long. */
const quietMs = 60;

/** How audio of one carrier and the model's compare: exactly, where bytes pass untouched. */
export interface Sameness {
  /** Both directions are compared to the byte and to the moment. */
  readonly exact: boolean;
  /** Answers of this many milliseconds in all were heard to their ends, and nothing else. */
  hasHeard(ear: Ear, ms: number): boolean;
  /** All that the model said was heard to its end. */
  hasHeardAll(ear: Ear, said: Buffer): boolean;
  /** The caller heard what the model said, and nothing else. */
  expectHeard(heard: Buffer, said: Buffer): void;
  /** The caller heard a sentence in the carrier's own format and then the gateway hung up. */
  expectLastWords(heard: Buffer, said: Buffer): void;
  /** So much was heard, the gateway having hung up at the end of it. */
  expectLastMs(ear: Ear, ms: number): void;
  /** The model has been given as much as this, but for what a resampler holds back. */
  hasReached(model: TappedSession | undefined, said: Buffer): boolean;
  /** The model was given what the caller said, and nothing else. */
  expectReached(model: TappedSession, said: Buffer): void;
  isReached(model: TappedSession | undefined, said: Buffer): boolean;
  /** The length of the model's agent audio, and of the carrier's. */
  modelMs(bytes: number): number;
  earMs(bytes: number): number;
  /** What the model was told of a cut is what was played. */
  expectNear(toldMs: number, playedMs: number): void;
}

/** The format in which the model gets, or gives, what the carrier has in this one. */
export function modelFormat(format: AudioFormat): AudioFormat {
  return format.encoding === 'pcm16' ? pcm16At(24_000) : format;
}

export function samenessOf(traits: CarrierTraits): Sameness {
  const { receives, sends, frameMs, marks, toleranceMs = 60 } = traits;
  const [fromModel, toModel] = [modelFormat(sends), modelFormat(receives)];
  const exact = frameMs === undefined && sameFormat(fromModel, sends) && sameFormat(toModel, receives);
  const heldBackBytes = sameFormat(toModel, receives) ? 0 : slackMs * bytesPerMs(toModel);
  const growth = bytesPerMs(toModel) / bytesPerMs(receives);
  const confirmed = marks === 'returned' || marks === 'dropped';
  const hasHeard = (ear: Ear, ms: number): boolean =>
    exact ? ear.playedMs === ms : ear.playedMs >= ms - slackMs / 2 && ear.quietMs >= quietMs;
  const reached = (model: TappedSession, said: Buffer): string =>
    difference(model.callerAudio(), toModel, said, receives);
  return {
    exact,
    hasHeard,
    hasHeardAll: (ear, said) =>
      exact ? ear.heard().length === said.length : hasHeard(ear, said.length / bytesPerMs(fromModel)),
    expectHeard: (heard, said) => expectSame(heard, sends, said, fromModel, frameMs),
    expectLastWords(heard, said) {
      const missing = confirmed ? 0 : Math.max(0, said.length - heard.length);
      expect(missing / bytesPerMs(sends)).toBeLessThanOrEqual(toleranceMs);
      expectSame(heard, sends, said.subarray(0, said.length - missing), sends, frameMs);
    },
    expectLastMs(ear, ms) {
      if (exact && confirmed) {
        expect(ear.playedMs).toBe(ms);
        return;
      }
      expect(ear.playedMs).toBeGreaterThanOrEqual(ms - (confirmed ? slackMs / 2 : toleranceMs));
      expect(ear.playedMs).toBeLessThanOrEqual(ms + slackMs / 2 + (frameMs ?? 0));
    },
    hasReached: (model, said) =>
      model !== undefined && model.callerAudio().length >= said.length * growth - heldBackBytes,
    expectReached: (model, said) => expect(reached(model, said)).toBe('none'),
    isReached: (model, said) => model !== undefined && reached(model, said) === 'none',
    modelMs: (bytes) => bytes / bytesPerMs(fromModel),
    earMs: (bytes) => bytes / bytesPerMs(sends),
    expectNear(toldMs, playedMs) {
      const what = `${toldMs} ms told, ${playedMs} ms played`;
      expect(Math.abs(toldMs - playedMs), what).toBeLessThanOrEqual(toleranceMs);
    },
  };
}

/** The same sound: to the byte in one format (but for silence that fills frames), in length and shape in two. */
export function expectSame(
  got: Buffer,
  gotFormat: AudioFormat,
  sent: Buffer,
  sentFormat: AudioFormat,
  frameMs?: number,
): void {
  expect(difference(got, gotFormat, sent, sentFormat, frameMs)).toBe('none');
}

/** `none`, or what is wrong in words. */
export function difference(
  got: Buffer,
  gotFormat: AudioFormat,
  sent: Buffer,
  sentFormat: AudioFormat,
  frameMs = 0,
): string {
  if (!sameFormat(gotFormat, sentFormat))
    return resampledDifference(got, gotFormat, sent, sentFormat, frameMs);
  if (frameMs > 0) return paddedDifference(got, sent, gotFormat, frameMs);
  if (got.equals(sent)) return 'none';
  return got.length === sent.length ? 'other bytes' : `${got.length} bytes, not ${sent.length}`;
}

/** `got` is `sent` with less than a frame of silence put in at some places. */
function paddedDifference(got: Buffer, sent: Buffer, format: AudioFormat, frameMs: number): string {
  const silence = silenceByte(format);
  const frame = frameMs * bytesPerMs(format);
  let at = 0;
  let padded = 0;
  for (const [position, byte] of got.entries()) {
    if (at < sent.length && byte === sent[at]) {
      at += 1;
      padded = 0;
    } else if (byte === silence && padded < frame - 1) padded += 1;
    else return `another byte at ${position} of ${got.length}`;
  }
  return at === sent.length ? 'none' : `${sent.length - at} bytes are missing`;
}

function resampledDifference(
  got: Buffer,
  gotFormat: AudioFormat,
  sent: Buffer,
  sentFormat: AudioFormat,
  frameMs: number,
): string {
  const expected = decodeSamples(converted(sent, sentFormat, gotFormat), gotFormat);
  const heard = decodeSamples(got, gotFormat);
  const perMs = gotFormat.sampleRate / 1000;
  const longerMs = (heard.length - expected.length) / perMs;
  if (longerMs < -slackMs || longerMs > slackMs + frameMs) return `longer by ${longerMs.toFixed(1)} ms`;
  const length = Math.min(heard.length, expected.length);
  if (length === 0) return 'none';
  const louderDb = levelDbfs(heard.subarray(0, length)) - levelDbfs(expected.subarray(0, length));
  if (Math.abs(louderDb) > levelToleranceDb) return `louder by ${louderDb.toFixed(1)} dB`;
  const best = bestCorrelation(heard, expected, Math.round(slackMs * perMs));
  return best >= leastCorrelation ? 'none' : `correlation ${best.toFixed(3)}`;
}

function converted(audio: Buffer, from: AudioFormat, to: AudioFormat): Buffer {
  const converter = createConverter(from, to);
  if (converter === undefined) return audio;
  return Buffer.concat([converter.convert(AudioChunk.fromBytes(audio)).bytes(), converter.flush().bytes()]);
}

/** The likeness of two stretches, 1 for the same, with one of them moved by up to `reach` samples; the first that will do. */
function bestCorrelation(one: Int16Array, other: Int16Array, reach: number): number {
  let best = 0;
  for (let lag = 0; lag <= reach && best < leastCorrelation; lag += 1) {
    best = Math.max(best, correlation(one, other, lag));
    if (best < leastCorrelation) best = Math.max(best, correlation(one, other, -lag));
  }
  return best;
}

function correlation(one: Int16Array, other: Int16Array, lag: number): number {
  let both = 0;
  let first = 0;
  let second = 0;
  const from = Math.max(0, lag);
  const to = Math.min(one.length, other.length + lag);
  for (let at = from; at < to; at += 1) {
    const a = one[at] ?? 0;
    const b = other[at - lag] ?? 0;
    both += a * b;
    first += a * a;
    second += b * b;
  }
  return first === 0 || second === 0 ? 0 : both / Math.sqrt(first * second);
}
