import { readFileSync } from 'node:fs';
import { AudioChunk } from '../audio/chunk.ts';
import { createConverter } from '../audio/convert.ts';
import { type AudioFormat, describeFormat, pcm16At } from '../audio/format.ts';
import { readWav } from '../audio/wav.ts';
import type { Phrase } from '../call/phrase.ts';

const folder = new URL('../../assets/phrases/', import.meta.url);

/** A recorded sentence from `assets/phrases`, converted once per format. Throws when the file is missing or no WAV. */
export function loadPhrase(name: string, text: string): Phrase {
  const { sampleRate, channels } = readWav(readFileSync(new URL(`${name}.wav`, folder)));
  const [samples = new Int16Array()] = channels;
  const recorded = AudioChunk.fromBytes(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  const converted = new Map<string, AudioChunk>();
  return {
    text,
    audio(format: AudioFormat): AudioChunk {
      const key = describeFormat(format);
      const known = converted.get(key);
      if (known) return known;
      const chunk = convertWhole(recorded, pcm16At(sampleRate), format);
      converted.set(key, chunk);
      return chunk;
    },
  };
}

function convertWhole(chunk: AudioChunk, from: AudioFormat, to: AudioFormat): AudioChunk {
  const converter = createConverter(from, to);
  if (!converter) return chunk;
  return AudioChunk.fromBytes(Buffer.concat([converter.convert(chunk).bytes(), converter.flush().bytes()]));
}
