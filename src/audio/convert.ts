import { endianness } from 'node:os';
import { PatchcordError } from '../base/errors.ts';
import { AudioChunk } from './chunk.ts';
import { type AudioFormat, bytesPerSample, describeFormat, sameFormat } from './format.ts';
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from './g711.ts';
import { Resampler } from './resample.ts';

/** Turns one direction of one call from one format into another; holds that direction's state. */
export interface AudioConverter {
  /** What `chunk`, with what came before it, amounts to; may be empty and lags by the resampler's delay. */
  convert(chunk: AudioChunk): AudioChunk;
  /** What is still owed; then the converter starts anew. Half a sample that was never completed is dropped. */
  flush(): AudioChunk;
  /** Starts anew; what is owed is forgotten. */
  reset(): void;
}

/**
 * A converter, or undefined where the formats are the same and audio passes as it is. Throws
 * PATCHCORD_AUDIO_FORMAT for G.711 at another rate than 8 kHz and for a rate that `Resampler` does not know.
 */
export function createConverter(from: AudioFormat, to: AudioFormat): AudioConverter | undefined {
  requireUsable(from);
  requireUsable(to);
  return sameFormat(from, to) ? undefined : new FormatConverter(from, to);
}

/** Samples as bytes of the encoding; the rate is not looked at. */
export function encodeSamples(samples: Int16Array, format: AudioFormat): Buffer {
  const bytes = Buffer.allocUnsafe(samples.length * bytesPerSample(format));
  switch (format.encoding) {
    case 'pcmu':
      encodeMulaw(samples, bytes);
      return bytes;
    case 'pcma':
      encodeAlaw(samples, bytes);
      return bytes;
    case 'pcm16':
      if (isViewable(bytes)) {
        new Int16Array(bytes.buffer, bytes.byteOffset, samples.length).set(samples);
        return bytes;
      }
      for (let i = 0; i < samples.length; i++) {
        const sample = samples[i] as number;
        bytes[2 * i] = sample & 0xff;
        bytes[2 * i + 1] = (sample >> 8) & 0xff;
      }
      return bytes;
  }
}

/** The samples of whole frames of audio, where possible as a view of them; throws PATCHCORD_AUDIO_MALFORMED for an odd number of pcm16 bytes. */
export function decodeSamples(bytes: Uint8Array, format: AudioFormat): Int16Array {
  const count = Math.floor(bytes.length / bytesPerSample(format));
  if (format.encoding === 'pcm16' && isViewable(bytes) && bytes.length % 2 === 0)
    return new Int16Array(bytes.buffer, bytes.byteOffset, count);
  const samples = new Int16Array(count);
  switch (format.encoding) {
    case 'pcmu':
      decodeMulaw(bytes, samples);
      return samples;
    case 'pcma':
      decodeAlaw(bytes, samples);
      return samples;
    case 'pcm16':
      if (bytes.length % 2 !== 0) {
        throw new PatchcordError('PATCHCORD_AUDIO_MALFORMED', 'an odd number of bytes is not 16-bit audio');
      }
      for (let i = 0; i < samples.length; i++) {
        samples[i] = (bytes[2 * i] as number) | ((bytes[2 * i + 1] as number) << 8);
      }
      return samples;
  }
}

const isLittleEndian = endianness() === 'LE';

/** Whether samples can be read and written where they lie: in the machine's own byte order, at even addresses. */
function isViewable({ byteOffset }: Uint8Array): boolean {
  return isLittleEndian && byteOffset % 2 === 0;
}

class FormatConverter implements AudioConverter {
  readonly #from: AudioFormat;
  readonly #to: AudioFormat;
  readonly #resampler: Resampler | undefined;
  /** The first byte of a pcm16 sample whose second byte is still to come. */
  #half: Buffer | undefined;

  constructor(from: AudioFormat, to: AudioFormat) {
    this.#from = from;
    this.#to = to;
    const sameRate = from.sampleRate === to.sampleRate;
    this.#resampler = sameRate ? undefined : new Resampler(from.sampleRate, to.sampleRate);
  }

  convert(chunk: AudioChunk): AudioChunk {
    const samples = decodeSamples(this.#wholeSamples(chunk.bytes()), this.#from);
    const resampler = this.#resampler;
    if (resampler === undefined) return this.#encode(samples);
    if (this.#to.encoding !== 'pcm16' || !isLittleEndian) return this.#encode(resampler.process(samples));
    // Straight into the bytes that leave: an array of its own would be one more to allocate for every frame.
    const count = resampler.outputOf(samples.length);
    const bytes = Buffer.allocUnsafe(2 * count);
    resampler.processInto(new Int16Array(bytes.buffer, bytes.byteOffset, count), samples);
    return AudioChunk.fromBytes(bytes);
  }

  flush(): AudioChunk {
    this.#half = undefined;
    return this.#encode(this.#resampler?.flush() ?? new Int16Array(0));
  }

  reset(): void {
    this.#half = undefined;
    this.#resampler?.reset();
  }

  #encode(samples: Int16Array): AudioChunk {
    return AudioChunk.fromBytes(encodeSamples(samples, this.#to));
  }

  #wholeSamples(bytes: Buffer): Buffer {
    if (this.#from.encoding !== 'pcm16') return bytes;
    const all = this.#half === undefined ? bytes : Buffer.concat([this.#half, bytes]);
    const whole = all.length - (all.length % 2);
    // A copy: the chunk's memory belongs to whoever made it.
    this.#half = whole === all.length ? undefined : Buffer.from(all.subarray(whole));
    return all.subarray(0, whole);
  }
}

function requireUsable(format: AudioFormat): void {
  const { encoding, sampleRate } = format;
  const usable =
    encoding === 'pcm16' ? [8000, 16000, 24000, 48000].includes(sampleRate) : sampleRate === 8000;
  if (!usable) {
    throw new PatchcordError('PATCHCORD_AUDIO_FORMAT', `cannot convert ${describeFormat(format)}`);
  }
}
