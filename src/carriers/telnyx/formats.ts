import { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import type { StartMessage } from './wire.ts';

/** A codec as Telnyx's commands name it; they are case sensitive. */
export type TelnyxCodec = 'PCMU' | 'PCMA' | 'L16';

/** Samples per second of `L16` where we choose. */
export const l16SampleRate = 16_000;
/** Those that Telnyx has for `L16` and that we can convert. */
const l16SampleRates: readonly number[] = [8000, 16_000, 24_000, 48_000];

/** What we send, and what we ask for. */
export function formatOf(codec: TelnyxCodec): AudioFormat {
  switch (codec) {
    case 'PCMU':
      return pcmu8k;
    case 'PCMA':
      return pcma8k;
    case 'L16':
      return pcm16At(l16SampleRate);
  }
}

/**
 * What a stream brings, undefined where it is nothing we can use. Documentation, "Streaming start": Telnyx sends the
 * codec of the call where it cannot transcode to the one that was asked for. What `start` leaves out is as asked.
 */
export function receivedFormat(
  { encoding, sampleRate, channels = 1 }: StartMessage['mediaFormat'],
  asked: TelnyxCodec,
): AudioFormat | undefined {
  if (channels !== 1) return undefined;
  switch ((encoding ?? asked).toUpperCase()) {
    case 'PCMU':
      return (sampleRate ?? 8000) === 8000 ? pcmu8k : undefined;
    case 'PCMA':
      return (sampleRate ?? 8000) === 8000 ? pcma8k : undefined;
    case 'L16': {
      const rate = sampleRate ?? l16SampleRate;
      return l16SampleRates.includes(rate) ? pcm16At(rate) : undefined;
    }
    default:
      return undefined;
  }
}

/** The same samples in the other byte order; half a sample at the end is dropped. */
export function swapBytes(audio: AudioChunk): AudioChunk {
  const bytes = audio.bytes();
  return AudioChunk.fromBytes(Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16());
}
