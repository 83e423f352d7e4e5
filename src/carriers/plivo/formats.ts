import { type AudioFormat, bytesPerMs, pcm16At, pcmu8k } from '../../audio/format.ts';
import type { PlaybackTraits } from '../../call/leg.ts';

const sampleRates: Readonly<Record<string, readonly number[]>> = {
  'audio/x-mulaw': [8000],
  'audio/x-l16': [8000, 16_000],
};

/**
 * The format that Plivo calls `audio/x-l16` at a rate, or `audio/x-l16;rate=16000`; undefined for any other. Its
 * linear samples are little-endian in practice; no page of its documentation says so.
 */
export function formatOf(contentType: string, sampleRate?: number): AudioFormat | undefined {
  const [encoding = '', ...parameters] = contentType.toLowerCase().replaceAll(' ', '').split(';');
  const named = parameters.find((parameter) => parameter.startsWith('rate='))?.slice('rate='.length);
  const rate = sampleRate ?? (named === undefined ? 8000 : Number(named));
  if (!Object.hasOwn(sampleRates, encoding) || sampleRates[encoding]?.includes(rate) !== true)
    return undefined;
  return encoding === 'audio/x-mulaw' ? pcmu8k : pcm16At(rate);
}

/** As `playAudio` names a format: without its rate. */
export function encodingOf(format: AudioFormat): string {
  return format.encoding === 'pcm16' ? 'audio/x-l16' : 'audio/x-mulaw';
}

/** Documentation, "Audio Streaming Guide", limits: audio should come in chunks of no more than 16 KB as base64. */
const maxChunkBytes = 12_000;

/**
 * Documentation: "Checkpoint event", "Clear audio event". Plivo queues whatever it gets; checkpoints that a clear
 * overtakes are not reported. Its media may pause.
 */
export function playbackOf(format: AudioFormat, maxQueuedMs: number): PlaybackTraits {
  return {
    buffering: 'queued',
    acknowledges: 'marks',
    markEveryMs: 200,
    continuousMedia: false,
    delivery: { leadMs: maxQueuedMs, maxChunkMs: Math.floor(maxChunkBytes / bytesPerMs(format)) },
  };
}
