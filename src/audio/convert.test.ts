import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from './chunk.ts';
import { createConverter, decodeSamples, encodeSamples } from './convert.ts';
import { type AudioFormat, bytesPerSample, describeFormat, pcm16At, pcma8k, pcmu8k } from './format.ts';
import { Resampler } from './resample.ts';
import { detectTone, sine } from './tones.ts';

const formats = [pcmu8k, pcma8k, pcm16At(8000), pcm16At(16000), pcm16At(24000), pcm16At(48000)];
const pairs = formats
  .flatMap((from) =>
    formats.map((to) => ({ from, to, name: `${describeFormat(from)} to ${describeFormat(to)}` })),
  )
  .filter(({ from, to }) => from !== to);

/** `bytes` in pieces of the given lengths, the rest in one. */
function convertInPieces(
  bytes: Uint8Array,
  lengths: readonly number[],
  from: AudioFormat,
  to: AudioFormat,
): Buffer {
  const converter = createConverter(from, to);
  if (converter === undefined) throw new Error('the formats are the same');
  const parts: Buffer[] = [];
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    const piece = Uint8Array.from(bytes.subarray(at, at + length));
    parts.push(converter.convert(AudioChunk.fromBytes(piece)).bytes());
    // The converter may keep nothing of a chunk that its owner overwrites.
    piece.fill(0x55);
    at += length;
  }
  parts.push(converter.flush().bytes());
  return Buffer.concat(parts);
}

describe.each(pairs)('$name', ({ from, to }) => {
  it('gives the same bytes wherever the audio is split, within a sample too', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.array(fc.nat(150), { maxLength: 8 }),
        (bytes, lengths) => {
          const samples = Math.floor(bytes.length / bytesPerSample(from));
          const output = convertInPieces(bytes, lengths, from, to);
          expect(output).toEqual(convertInPieces(bytes, [], from, to));
          const expected = Math.round((samples * to.sampleRate) / from.sampleRate) * bytesPerSample(to);
          expect(output).toHaveLength(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('starts anew after a reset, as if nothing had come before', () => {
    const converter = createConverter(from, to);
    const fresh = createConverter(from, to);
    const noise = AudioChunk.fromBytes(Buffer.from(Array.from({ length: 333 }, (_, at) => (at * 97) % 251)));
    converter?.convert(noise);
    converter?.reset();
    expect(converter?.convert(noise).bytes()).toEqual(fresh?.convert(noise).bytes());
    expect(converter?.flush().bytes()).toEqual(fresh?.flush().bytes());
  });

  it('keeps a tone at its pitch and level', () => {
    const input = encodeSamples(sine(1000, 300, from.sampleRate, -10), from);
    const output = decodeSamples(convertInPieces(input, [101, 333], from, to), to);
    expect(detectTone(output, to.sampleRate, 1000)).toBeCloseTo(-10, 0);
    expect(detectTone(output, to.sampleRate, 2500)).toBeLessThan(-45);
  });
});

describe('createConverter', () => {
  it('is not needed where the formats are the same', () => {
    for (const format of formats) expect(createConverter(format, { ...format })).toBeUndefined();
  });

  it('does what decoding, resampling and encoding do one after the other', () => {
    const speech = encodeSamples(sine(440, 100, 24000), pcm16At(24000));
    const resampler = new Resampler(24000, 8000);
    const samples = resampler.process(decodeSamples(speech, pcm16At(24000)));
    const converter = createConverter(pcm16At(24000), pcmu8k);
    expect(converter?.convert(AudioChunk.fromBytes(speech)).bytes()).toEqual(encodeSamples(samples, pcmu8k));
    expect(converter?.flush().bytes()).toEqual(encodeSamples(resampler.flush(), pcmu8k));
  });

  it('takes base64 and lets no half sample of one answer leak into the next', () => {
    const converter = createConverter(pcm16At(8000), pcma8k);
    const loud = AudioChunk.fromBase64(Buffer.from([0, 64, 7]).toString('base64'));
    expect(converter?.convert(loud).byteLength).toBe(1);
    expect(converter?.flush().byteLength).toBe(0);
    const next = converter?.convert(AudioChunk.fromBytes(Uint8Array.of(0, 64))).bytes();
    expect(next).toEqual(encodeSamples(Int16Array.of(16384), pcma8k));
  });

  it('keeps two calls apart', () => {
    const one = createConverter(pcmu8k, pcm16At(24000));
    const other = createConverter(pcmu8k, pcm16At(24000));
    const tone = AudioChunk.fromBytes(encodeSamples(sine(700, 20, 8000), pcmu8k));
    other?.convert(AudioChunk.fromBytes(new Uint8Array(160)));
    const alone = createConverter(pcmu8k, pcm16At(24000))?.convert(tone).bytes();
    expect(one?.convert(tone).bytes()).toEqual(alone);
  });

  it('refuses rates that cannot be converted', () => {
    const refused = expect.objectContaining({ code: 'PATCHCORD_AUDIO_FORMAT' });
    expect(() => createConverter(pcm16At(44100), pcmu8k)).toThrow(refused);
    expect(() => createConverter(pcmu8k, { encoding: 'pcma', sampleRate: 16000 })).toThrow(refused);
  });
});

describe('encodeSamples and decodeSamples', () => {
  it('keep every 16-bit sample, low byte first, at any alignment', () => {
    fc.assert(
      fc.property(fc.int16Array(), (samples) => {
        const bytes = encodeSamples(samples, pcm16At(16000));
        const shifted = Buffer.concat([Buffer.of(1), bytes]).subarray(1);
        expect(decodeSamples(shifted, pcm16At(16000))).toEqual(samples);
      }),
    );
    expect([...encodeSamples(Int16Array.of(-2, 0x1234), pcm16At(8000))]).toEqual([0xfe, 0xff, 0x34, 0x12]);
  });

  it('refuse half a sample', () => {
    expect(() => decodeSamples(new Uint8Array(3), pcm16At(8000))).toThrow(
      expect.objectContaining({ code: 'PATCHCORD_AUDIO_MALFORMED' }),
    );
  });

  it('gives the same samples wherever in memory the bytes lie', () => {
    const samples = Int16Array.from([0, 1, -1, 32767, -32768, 0x1234, -0x1234]);
    const bytes = encodeSamples(samples, pcm16At(8000));
    expect(bytes.toString('hex')).toBe('00000100ffffff7f00803412cced');
    for (const offset of [0, 1, 2, 3]) {
      const memory = Buffer.alloc(bytes.length + 4);
      bytes.copy(memory, offset);
      const there = memory.subarray(offset, offset + bytes.length);
      expect(decodeSamples(there, pcm16At(8000))).toEqual(samples);
    }
  });
});
