import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { silence, sine } from '../../audio/tones.ts';
import { readWav } from '../../audio/wav.ts';
import { SeededRandom } from '../seeded-random.ts';
import { EnergyVad, type VadEvent } from './vad.ts';

function detect(
  format: AudioFormat,
  pieces: readonly Int16Array[],
  frameBytes: number,
  threshold = 0.5,
): VadEvent[] {
  const vad = new EnergyVad({ format, threshold, prefixPaddingMs: 300, silenceDurationMs: 500 });
  const bytes = Buffer.concat(pieces.map((piece) => encodeSamples(piece, format)));
  const events: VadEvent[] = [];
  for (let at = 0; at < bytes.length; at += frameBytes) {
    vad.process(bytes.subarray(at, at + frameBytes), (event) => events.push(event));
  }
  return events;
}

const formats: readonly [string, AudioFormat][] = [
  ['µ-law', pcmu8k],
  ['A-law', pcma8k],
  ['pcm16', pcm16At(24_000)],
];

describe('EnergyVad', () => {
  for (const [name, format] of formats) {
    it(`finds where speech starts and stops in ${name}`, () => {
      const rate = format.sampleRate;
      const pieces = [silence(1000, rate), sine(300, 800, rate, -20), silence(900, rate)];
      expect(detect(format, pieces, 160)).toEqual([
        { type: 'started', audioStartMs: 700, atMs: 1060 },
        { type: 'stopped', audioEndMs: 2300, lastVoiceMs: 1800 },
      ]);
    });
  }

  it('gives the same turns whatever the size of the appended pieces', () => {
    const pieces = [
      silence(400, 8000),
      sine(300, 500, 8000),
      silence(700, 8000),
      sine(300, 300, 8000),
      silence(600, 8000),
    ];
    const byFrame = detect(pcmu8k, pieces, 160);
    expect(byFrame.map((event) => event.type)).toEqual(['started', 'stopped', 'started', 'stopped']);
    for (const size of [1, 7, 333, 100_000]) expect(detect(pcmu8k, pieces, size)).toEqual(byFrame);
  });

  it('does not take a click for speech', () => {
    expect(detect(pcmu8k, [silence(500, 8000), sine(900, 30, 8000, -6), silence(500, 8000)], 160)).toEqual(
      [],
    );
  });

  it('does not end a turn at a pause between words', () => {
    const pieces = [sine(300, 300, 8000), silence(400, 8000), sine(300, 300, 8000), silence(600, 8000)];
    expect(detect(pcmu8k, pieces, 160).map((event) => event.type)).toEqual(['started', 'stopped']);
  });

  it('ends no turn while no audio comes', () => {
    expect(detect(pcmu8k, [sine(300, 1000, 8000)], 160).map((event) => event.type)).toEqual(['started']);
  });

  it('needs louder speech with a higher threshold', () => {
    const pieces = [silence(500, 8000), sine(300, 500, 8000, -36), silence(600, 8000)];
    expect(detect(pcmu8k, pieces, 160, 0.5)).toHaveLength(2);
    expect(detect(pcmu8k, pieces, 160, 0.9)).toEqual([]);
  });

  it('starts the next turn no earlier than the last one ended', () => {
    const pieces = [sine(300, 300, 8000), silence(520, 8000), sine(300, 300, 8000)];
    const events = detect(pcmu8k, pieces, 160);
    const [, stopped, second] = events;
    expect(stopped).toMatchObject({ type: 'stopped', audioEndMs: 800 });
    expect(second).toMatchObject({ type: 'started', audioStartMs: 800 });
  });

  it('takes a spoken sentence with its short pauses as one turn, over the noise of a line', () => {
    for (const name of ['apology', 'busy', 'draining']) {
      const file = new URL(`../../../assets/phrases/${name}.wav`, import.meta.url);
      const { channels, sampleRate } = readWav(readFileSync(file));
      const [voice = new Int16Array(0)] = channels;
      const quiet = silence(1000, sampleRate);
      const random = new SeededRandom(7);
      const line = Int16Array.from(
        [...quiet, ...voice, ...quiet],
        (sample) => sample / 6 + random.next() * 60 - 30,
      );
      const events = detect(pcm16At(sampleRate), [line], 640);
      expect(events.map((event) => event.type)).toEqual(['started', 'stopped']);
      const [started, stopped] = events;
      const voiceMs = (voice.length / sampleRate) * 1000;
      if (started?.type !== 'started' || stopped?.type !== 'stopped') throw new Error('no turn was found');
      expect(Math.abs(started.audioStartMs - 700)).toBeLessThan(60);
      expect(Math.abs(stopped.lastVoiceMs - 1000 - voiceMs)).toBeLessThan(200);
    }
  });

  it('gets used to steady noise instead of hearing speech for ever', () => {
    const events = detect(pcmu8k, [silence(200, 8000), sine(120, 30_000, 8000, -41)], 160);
    expect(events.map((event) => event.type)).toEqual(['started', 'stopped']);
  });
});
