import { PatchcordError } from '../base/errors.ts';
import { decodeSamples } from './convert.ts';
import type { AudioEncoding } from './format.ts';

export interface WavAudio {
  /** Samples per second. */
  readonly sampleRate: number;
  /** One array of 16-bit samples per channel, all of one length: mono, or left and right. */
  readonly channels: readonly Int16Array[];
}

/** Format tags of RFC 2361, appendix A; 0xfffe points to a GUID that begins with the true tag. */
const tagPcm = 1;
const tagAlaw = 6;
const tagMulaw = 7;
const tagExtensible = 0xfffe;

const headerBytes = 44;
/** Programs that write to a pipe can't know the length and declare this much or more (sox 0x7ffff000). */
const unknownLength = 0x7fff0000;

interface WavFormat {
  readonly encoding: AudioEncoding;
  readonly channels: number;
  readonly sampleRate: number;
}

/**
 * Reads RIFF/WAVE ("Multimedia Programming Interface and Data Specifications 1.0", 1991, chapter 3): 16-bit PCM,
 * µ-law or A-law, one or two channels; other chunks are skipped. Throws PATCHCORD_AUDIO_MALFORMED for a file
 * that is broken or cut short and PATCHCORD_AUDIO_FORMAT for audio of another kind.
 */
export function readWav(file: Uint8Array): WavAudio {
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (view.length < 12 || fourCharacters(view, 0) !== 'RIFF' || fourCharacters(view, 8) !== 'WAVE') {
    throw malformed('it does not begin as RIFF/WAVE');
  }
  let format: WavFormat | undefined;
  for (let at = 12; at + 8 <= view.length; ) {
    const name = fourCharacters(view, at);
    const declared = view.readUInt32LE(at + 4);
    const start = at + 8;
    const openEnded = name === 'data' && declared >= unknownLength;
    const end = openEnded ? Math.min(start + declared, view.length) : start + declared;
    if (end > view.length) throw malformed(`chunk "${name}" is cut short`);
    const body = view.subarray(start, end);
    if (name === 'fmt ') format = readFormat(body);
    if (name === 'data') return readSamples(body, format, openEnded);
    // Chunks begin at even offsets.
    at = end + (declared % 2);
  }
  throw malformed('it has no data chunk');
}

/** A 16-bit PCM file of one or two channels. Throws RangeError for anything else than that, or unequal lengths. */
export function writeWav({ sampleRate, channels }: WavAudio): Buffer {
  const [left, right] = channels;
  if (left === undefined || channels.length > 2) throw new RangeError('a WAV file has one or two channels');
  if (right !== undefined && right.length !== left.length) throw new RangeError('channels differ in length');
  const frameBytes = 2 * channels.length;
  const dataBytes = left.length * frameBytes;
  const file = Buffer.alloc(headerBytes + dataBytes);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(headerBytes - 8 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(tagPcm, 20);
  file.writeUInt16LE(channels.length, 22);
  file.writeUInt32LE(sampleRate, 24);
  file.writeUInt32LE(sampleRate * frameBytes, 28);
  file.writeUInt16LE(frameBytes, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(dataBytes, 40);
  channels.forEach((samples, channel) => {
    samples.forEach((sample, i) => {
      file.writeInt16LE(sample, headerBytes + i * frameBytes + 2 * channel);
    });
  });
  return file;
}

function readFormat(body: Buffer): WavFormat {
  if (body.length < 16) throw malformed('the fmt chunk is too short');
  let tag = body.readUInt16LE(0);
  if (tag === tagExtensible) {
    if (body.length < 26) throw malformed('the extensible fmt chunk is too short');
    tag = body.readUInt16LE(24);
  }
  const channels = body.readUInt16LE(2);
  const sampleRate = body.readUInt32LE(4);
  const bits = body.readUInt16LE(14);
  const encoding = encodingOf(tag, bits);
  if (encoding === undefined || channels < 1 || channels > 2 || sampleRate === 0) {
    throw new PatchcordError(
      'PATCHCORD_AUDIO_FORMAT',
      'a WAV file must be 16-bit PCM, 8-bit µ-law or A-law, mono or stereo',
      { tag, bits, channels, sampleRate },
    );
  }
  return { encoding, channels, sampleRate };
}

function encodingOf(tag: number, bits: number): AudioEncoding | undefined {
  if (tag === tagPcm && bits === 16) return 'pcm16';
  if (tag === tagMulaw && bits === 8) return 'pcmu';
  return tag === tagAlaw && bits === 8 ? 'pcma' : undefined;
}

function readSamples(body: Buffer, format: WavFormat | undefined, openEnded: boolean): WavAudio {
  if (format === undefined) throw malformed('the data chunk comes before the fmt chunk');
  const { encoding, channels, sampleRate } = format;
  const frameBytes = channels * (encoding === 'pcm16' ? 2 : 1);
  const odd = body.length % frameBytes;
  if (odd !== 0 && !openEnded) throw malformed('the data chunk does not hold whole samples');
  const samples = decodeSamples(body.subarray(0, body.length - odd), { encoding, sampleRate });
  if (channels === 1) return { sampleRate, channels: [samples] };
  const side = (offset: number): Int16Array => samples.filter((_, i) => i % 2 === offset);
  return { sampleRate, channels: [side(0), side(1)] };
}

function fourCharacters(view: Buffer, at: number): string {
  return view.toString('latin1', at, at + 4);
}

function malformed(why: string): PatchcordError {
  return new PatchcordError('PATCHCORD_AUDIO_MALFORMED', `not a usable WAV file: ${why}`);
}
