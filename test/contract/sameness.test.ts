import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../src/audio/chunk.ts';
import { createConverter } from '../../src/audio/convert.ts';
import { type AudioFormat, bytesPerMs, pcm16At, pcma8k, pcmu8k } from '../../src/audio/format.ts';
import { difference } from './sameness.ts';
import { speech } from './sounds.ts';

const wide = pcm16At(24_000);

/** As a gateway would do it: in pieces, each answer for itself. */
function resampled(pieces: readonly Buffer[], from: AudioFormat, to: AudioFormat): Buffer {
  const converter = createConverter(from, to);
  if (converter === undefined) return Buffer.concat(pieces);
  return Buffer.concat(
    pieces.flatMap((piece) => {
      const middle = 2 * Math.floor(piece.length / 4);
      const parts = [piece.subarray(0, middle), piece.subarray(middle)];
      const converted = parts.map((part) => converter.convert(AudioChunk.fromBytes(part)).bytes());
      return [...converted, converter.flush().bytes()];
    }),
  );
}

describe('what two sides of the gateway have', () => {
  it('is compared to the byte in one format', () => {
    const said = speech(pcmu8k, 100);
    expect(difference(Buffer.from(said), pcmu8k, said, pcmu8k)).toBe('none');
    const changed = Buffer.from(said);
    changed[300] = (changed[300] ?? 0) ^ 1;
    expect(difference(changed, pcmu8k, said, pcmu8k)).toBe('other bytes');
    expect(difference(said.subarray(1), pcmu8k, said, pcmu8k)).toBe('799 bytes, not 800');
  });

  it.each([
    pcmu8k,
    pcma8k,
    wide,
  ])('may have silence that fills frames of $encoding, and no more', (format) => {
    const fill = format.encoding === 'pcmu' ? 0xff : format.encoding === 'pcma' ? 0xd5 : 0;
    const [first, second] = [speech(format, 110, 1), speech(format, 130, 2)];
    const half = Buffer.alloc(10 * bytesPerMs(format), fill);
    const said = Buffer.concat([first, second]);
    expect(difference(Buffer.concat([first, half, second, half]), format, said, format, 20)).toBe('none');
    expect(difference(said, format, said, format, 20)).toBe('none');
    const tooMuch = Buffer.concat([first, half, half, half, second]);
    expect(difference(tooMuch, format, said, format, 20)).toContain('another byte');
    expect(difference(first, format, said, format, 20)).toContain('are missing');
    const noise = Buffer.concat([first, Buffer.alloc(half.length, 0x31), second]);
    expect(difference(noise, format, said, format, 20)).toContain('another byte');
  });

  it.each([
    pcm16At(8000),
    pcm16At(16_000),
  ])('is compared by length, level and shape over $sampleRate Hz', (format) => {
    const answers = [speech(wide, 330, 1), speech(wide, 150, 2)] as const;
    const said = Buffer.concat(answers);
    const heard = resampled(answers, wide, format);
    expect(difference(heard, format, said, wide)).toBe('none');
    expect(difference(Buffer.concat([heard, Buffer.alloc(400)]), format, said, wide, 20)).toBe('none');
    const swapped = Buffer.concat([answers[1], answers[0]]);
    expect(difference(heard, format, swapped, wide)).toContain('correlation');
    expect(difference(resampled([speech(wide, 480, 3)], wide, format), format, said, wide)).toContain(
      'correlation',
    );
    expect(difference(heard.subarray(0, heard.length / 2), format, said, wide)).toContain('longer by -');
    const quieter = Buffer.from(heard);
    for (let at = 0; at < quieter.length; at += 2) quieter.writeInt16LE(heard.readInt16LE(at) >> 1, at);
    expect(difference(quieter, format, said, wide)).toContain('louder by -6.0 dB');
  });
});
