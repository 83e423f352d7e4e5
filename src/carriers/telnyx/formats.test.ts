import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { formatOf, receivedFormat, swapBytes } from './formats.ts';

const of = (encoding?: string, sampleRate?: number, channels?: number) => ({
  encoding,
  sampleRate,
  channels,
});

describe('what a stream brings', () => {
  it.each([
    [of('PCMU', 8000, 1), pcmu8k],
    [of('PCMA', 8000, 1), pcma8k],
    [of('pcma'), pcma8k],
    [of('L16', 8000, 1), pcm16At(8000)],
    [of('L16', 16_000), pcm16At(16_000)],
    [of('L16', 24_000), pcm16At(24_000)],
    [of('L16', 48_000), pcm16At(48_000)],
    [of('L16'), pcm16At(16_000)],
  ])('is what it says: %o', (mediaFormat, format) => {
    expect(receivedFormat(mediaFormat, 'PCMU')).toEqual(format);
  });

  it('is what was asked for where it does not say', () => {
    expect(receivedFormat(of(), 'PCMU')).toEqual(pcmu8k);
    expect(receivedFormat(of(), 'PCMA')).toEqual(pcma8k);
    expect(receivedFormat(of(), 'L16')).toEqual(pcm16At(16_000));
  });

  it.each([
    of('G722', 8000),
    of('OPUS', 48_000),
    of('AMR-WB', 16_000),
    of('', 8000),
    of('PCMU', 16_000),
    of('PCMA', 16_000),
    of('PCMU', Number.NaN),
    of('L16', 22_050),
    of('PCMU', 8000, 2),
    of('PCMU', 8000, Number.NaN),
  ])('is nothing we can use: %o', (mediaFormat) => {
    expect(receivedFormat(mediaFormat, 'PCMU')).toBeUndefined();
  });
});

describe('what we send', () => {
  it('is the codec that was asked for, L16 at 16 kHz', () => {
    expect([formatOf('PCMU'), formatOf('PCMA'), formatOf('L16')]).toEqual([pcmu8k, pcma8k, pcm16At(16_000)]);
  });
});

describe('L16 in the other byte order', () => {
  it('has the same samples and leaves the chunk as it was', () => {
    const chunk = AudioChunk.fromBytes(Buffer.from([1, 2, 3, 4]));
    expect([...swapBytes(chunk).bytes()]).toEqual([2, 1, 4, 3]);
    expect([...chunk.bytes()]).toEqual([1, 2, 3, 4]);
    expect([...swapBytes(AudioChunk.fromBytes(Buffer.from([1, 2, 3]))).bytes()]).toEqual([2, 1]);
  });

  it('turned twice is as before, for any audio', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (raw) => {
        const chunk = AudioChunk.fromBase64(Buffer.from(raw).toString('base64'));
        const whole = Buffer.from(raw.subarray(0, raw.length & ~1));
        expect(swapBytes(swapBytes(chunk)).bytes()).toEqual(whole);
      }),
      { numRuns: 1_000 },
    );
  });
});
