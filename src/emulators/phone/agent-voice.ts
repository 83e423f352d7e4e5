import { type AudioFormat, bytesPerMs, silenceByte } from '../../audio/format.ts';
import type { AgentSound } from './caller.ts';

/** Silence within a voice that is shorter than this is the voice's own. */
const bridgeMs = 200;
/** A voice that is not there for this long has fallen silent: what comes every 20 ms may be late. */
const silentAfterMs = 60;

/**
 * The agent on a line on which something always sounds, because the gateway fills pauses with silence: what is not
 * silence to the last bit is the agent's voice, its pauses for breath included. Times are the clock's milliseconds.
 */
export class AgentVoice {
  readonly #bytesPerMs: number;
  readonly #silence: number;
  #startedAtMs: number | undefined;
  #untilMs: number | undefined;
  #clearedAtMs: number | undefined;
  #voicedMs = 0;
  #stretchMs = 0;
  #told = true;

  constructor(format: AudioFormat) {
    this.#bytesPerMs = bytesPerMs(format);
    this.#silence = silenceByte(format);
  }

  /** All of the voice that sounded or will have sounded once what came is played. */
  get voicedMs(): number {
    return this.#voicedMs;
  }

  /** Audio that sounds from `soundsAtMs` on; whether it holds a voice. */
  take(audio: Buffer, soundsAtMs: number): boolean {
    if (audio.every((byte) => byte === this.#silence)) return false;
    const lengthMs = audio.length / this.#bytesPerMs;
    let holeMs = soundsAtMs - (this.#untilMs ?? Number.NEGATIVE_INFINITY);
    if (holeMs > bridgeMs) {
      holeMs = 0;
      this.#startedAtMs = soundsAtMs;
      this.#stretchMs = 0;
    }
    this.#untilMs = soundsAtMs + lengthMs;
    this.#voicedMs += holeMs + lengthMs;
    this.#stretchMs += holeMs + lengthMs;
    this.#told = false;
    return true;
  }

  sound(nowMs: number): AgentSound {
    const untilMs = this.#untilMs;
    const playing = untilMs !== undefined && nowMs < untilMs + silentAfterMs;
    return {
      playing,
      startedAtMs: this.#startedAtMs,
      silentAtMs: playing ? undefined : untilMs,
      clearedAtMs: this.#clearedAtMs,
    };
  }

  /** Once for each time that the voice falls silent: when it did and how long it had sounded by then. */
  fellSilent(nowMs: number): { readonly atMs: number; readonly stretchMs: number } | undefined {
    if (this.#told || this.#untilMs === undefined || nowMs < this.#untilMs + bridgeMs) return undefined;
    this.#told = true;
    return { atMs: this.#untilMs, stretchMs: this.#stretchMs };
  }

  /** The silence of now is one that the caller has forced. */
  cut(): void {
    this.#clearedAtMs = this.#untilMs;
  }
}
