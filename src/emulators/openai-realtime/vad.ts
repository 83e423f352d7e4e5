import { decodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, bytesPerMs } from '../../audio/format.ts';

const windowMs = 10;
/** Voice must lead over quiet by this much before speech counts as started: longer than a click. */
const onsetMs = 60;
const hysteresisDb = 6;
const quietestDb = -96;
/** A voice must stand out of the room's noise by this much. */
const aboveNoiseDb = 9;
const noiseRiseDbPerWindow = 0.03;
const highestNoiseDb = -32;

export interface VadOptions {
  readonly format: AudioFormat;
  /** 0 to 1 as in the API; 0.5 is a level of -42 dBFS. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
}

/** Times are milliseconds of received audio, counted from the start given to the detector. */
export type VadEvent =
  | { readonly type: 'started'; readonly audioStartMs: number; readonly atMs: number }
  | { readonly type: 'stopped'; readonly audioEndMs: number; readonly lastVoiceMs: number };

/**
 * Finds speech by energy, on received samples and in received time: when the audio stops coming, speech does not
 * end. Follows the API's `server_vad`: the start includes the prefix padding, the end includes the silence.
 */
export class EnergyVad {
  readonly #options: VadOptions;
  readonly #squares: Float64Array | undefined;
  readonly #bytesPerWindow: number;
  readonly #samplesPerWindow: number;
  readonly #onDb: number;
  /** Earliest time that a start may name: the end of the turn before. */
  #floorMs: number;
  #nowMs: number;
  #sum = 0;
  #filled = 0;
  #noiseDb = -70;
  #speaking = false;
  #voicedMs = 0;
  #onsetAtMs = 0;
  #lastVoiceMs = 0;

  constructor(options: VadOptions, startMs = 0) {
    this.#options = options;
    this.#squares = squareTable(options.format);
    this.#bytesPerWindow = bytesPerMs(options.format) * windowMs;
    this.#samplesPerWindow = (options.format.sampleRate * windowMs) / 1000;
    this.#onDb = levelOf(options.threshold);
    this.#floorMs = startMs;
    this.#nowMs = startMs;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Hears `bytes` (whole samples) and tells what changed, in order. */
  process(bytes: Buffer, onEvent: (event: VadEvent) => void): void {
    let at = 0;
    while (at < bytes.length) {
      const end = Math.min(bytes.length, at + this.#bytesPerWindow - this.#filled);
      this.#sum += this.#energy(bytes, at, end);
      this.#filled += end - at;
      at = end;
      if (this.#filled < this.#bytesPerWindow) return;
      const meanSquare = this.#sum / this.#samplesPerWindow;
      this.#sum = 0;
      this.#filled = 0;
      this.#window(meanSquare <= 0 ? quietestDb : 10 * Math.log10(meanSquare), onEvent);
    }
  }

  /** Begins a new turn here: after a commit or a clear. */
  reset(): void {
    this.#speaking = false;
    this.#voicedMs = 0;
    this.#floorMs = this.#nowMs;
  }

  #window(db: number, onEvent: (event: VadEvent) => void): void {
    const beganMs = this.#nowMs;
    this.#nowMs += windowMs;
    this.#noiseDb = Math.min(db, this.#noiseDb + noiseRiseDbPerWindow, highestNoiseDb);
    const onDb = Math.max(this.#onDb, this.#noiseDb + aboveNoiseDb);
    const voiced = db >= (this.#speaking ? onDb - hysteresisDb : onDb);
    if (voiced) this.#lastVoiceMs = this.#nowMs;
    if (this.#speaking) this.#whileSpeaking(onEvent);
    else this.#whileQuiet(voiced, beganMs, onEvent);
  }

  #whileSpeaking(onEvent: (event: VadEvent) => void): void {
    if (this.#nowMs - this.#lastVoiceMs < this.#options.silenceDurationMs) return;
    this.#speaking = false;
    this.#voicedMs = 0;
    this.#floorMs = this.#nowMs;
    onEvent({ type: 'stopped', audioEndMs: this.#nowMs, lastVoiceMs: this.#lastVoiceMs });
  }

  #whileQuiet(voiced: boolean, beganMs: number, onEvent: (event: VadEvent) => void): void {
    if (!voiced) {
      this.#voicedMs = Math.max(0, this.#voicedMs - windowMs);
      return;
    }
    if (this.#voicedMs === 0) this.#onsetAtMs = beganMs;
    this.#voicedMs += windowMs;
    if (this.#voicedMs < onsetMs) return;
    this.#speaking = true;
    const audioStartMs = Math.max(this.#floorMs, this.#onsetAtMs - this.#options.prefixPaddingMs);
    onEvent({ type: 'started', audioStartMs, atMs: this.#nowMs });
  }

  #energy(bytes: Buffer, from: number, to: number): number {
    let sum = 0;
    if (this.#squares !== undefined) {
      for (let at = from; at < to; at++) sum += this.#squares[bytes[at] as number] as number;
      return sum;
    }
    for (let at = from; at + 1 < to; at += 2) {
      const sample = (((bytes[at + 1] as number) << 24) >> 16) | (bytes[at] as number);
      sum += sample * sample;
    }
    return sum / fullScaleSquared;
  }
}

const fullScaleSquared = 32_768 ** 2;

/** The square of each G.711 code's sample, full scale being 1. */
function squareTable(format: AudioFormat): Float64Array | undefined {
  if (format.encoding === 'pcm16') return undefined;
  const samples = decodeSamples(
    Uint8Array.from({ length: 256 }, (_, code) => code),
    format,
  );
  return Float64Array.from(samples, (sample) => sample ** 2 / fullScaleSquared);
}

function levelOf(threshold: number): number {
  return -62 + 40 * threshold;
}
