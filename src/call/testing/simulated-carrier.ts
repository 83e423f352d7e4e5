import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerMs } from '../../audio/format.ts';
import type { Clock } from '../../base/clock.ts';
import type { PlayoutPort } from '../playout.ts';

export interface SimulatedCarrierOptions {
  readonly clock: Clock;
  readonly format: AudioFormat;
  /** From us to the carrier. */
  readonly outboundMs: number;
  /** From the carrier to us. */
  readonly returnMs: number;
  /** Added to a mark on its way back; marks never overtake each other. */
  readonly markJitterMs?: () => number;
  returned(name: string): void;
  /** Told when playback begins after silence and when the queue ran empty, instead of marks. */
  readonly told?: (event: 'started' | 'completed') => void;
}

interface Stretch {
  readonly tag: string;
  readonly startAt: number;
  endAt: number;
}

/**
 * A carrier that queues, plays to the sample, clears one network delay after it was told, and returns marks. It
 * knows what really sounded, which is what a ledger is measured against.
 */
export class SimulatedCarrier implements PlayoutPort {
  readonly #options: SimulatedCarrierOptions;
  readonly #clock: Clock;
  readonly #stretches: Stretch[] = [];
  #arrivesAt = 0;
  #endAt = 0;
  #returnsAt = 0;
  #marks: { readonly name: string; readonly at: number }[] = [];
  /** Names what is sent from now on. */
  tag = '';
  /** Time lost in the network before the next chunk arrives. */
  stallMs = 0;
  /** Time the carrier takes before it begins to play into silence. */
  startLateMs = 0;
  /** What had sounded of each tag when each clear took effect. */
  readonly clears: ReadonlyMap<string, number>[] = [];
  /** Milliseconds sent of each tag. */
  readonly sentMs = new Map<string, number>();
  clearsWritten = 0;

  constructor(options: SimulatedCarrierOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  play(audio: AudioChunk): void {
    const { tag } = this;
    const lengthMs = audio.byteLength / bytesPerMs(this.#options.format);
    this.sentMs.set(tag, (this.sentMs.get(tag) ?? 0) + lengthMs);
    this.#arrive(() => {
      const now = this.#clock.now();
      const afterSilence = this.#endAt <= now;
      const startAt = afterSilence ? now + this.startLateMs : this.#endAt;
      this.#endAt = startAt + lengthMs;
      this.#stretches.push({ tag, startAt, endAt: this.#endAt });
      if (afterSilence) this.#tell('started', startAt - now);
      const endAt = this.#endAt;
      this.#clock.setTimeout(() => {
        if (this.#endAt === endAt) this.#tell('completed', 0);
      }, endAt - now);
    });
  }

  mark(name: string): void {
    this.#arrive(() => {
      const at = Math.max(this.#clock.now(), this.#endAt);
      this.#marks.push({ name, at });
      this.#clock.setTimeout(() => this.#played(name, at), at - this.#clock.now());
    });
  }

  clear(): void {
    this.clearsWritten += 1;
    this.#arrive(() => {
      const now = this.#clock.now();
      for (const stretch of this.#stretches) stretch.endAt = Math.min(stretch.endAt, now);
      this.#endAt = now;
      const returned = this.#marks;
      this.#marks = [];
      for (const { name } of returned) this.#return(name);
      const heard = new Map<string, number>();
      for (const { tag } of this.#stretches) heard.set(tag, this.heardMs(tag));
      this.clears.push(heard);
    });
  }

  /** What has sounded of a tag by now. */
  heardMs(tag: string): number {
    const now = this.#clock.now();
    let heardMs = 0;
    for (const stretch of this.#stretches) {
      if (stretch.tag === tag) heardMs += Math.max(0, Math.min(now, stretch.endAt) - stretch.startAt);
    }
    return heardMs;
  }

  #tell(event: 'started' | 'completed', inMs: number): void {
    this.#clock.setTimeout(() => this.#options.told?.(event), inMs + this.#options.returnMs);
  }

  #arrive(action: () => void): void {
    const now = this.#clock.now();
    this.#arrivesAt = Math.max(this.#arrivesAt, now + this.#options.outboundMs + this.stallMs);
    this.stallMs = 0;
    this.#clock.setTimeout(action, this.#arrivesAt - now);
  }

  #played(name: string, at: number): void {
    const before = this.#marks.length;
    this.#marks = this.#marks.filter((mark) => mark.name !== name || mark.at !== at);
    if (this.#marks.length < before) this.#return(name);
  }

  #return(name: string): void {
    const now = this.#clock.now();
    const jitterMs = this.#options.markJitterMs?.() ?? 0;
    this.#returnsAt = Math.max(this.#returnsAt, now + this.#options.returnMs + jitterMs);
    this.#clock.setTimeout(() => this.#options.returned(name), this.#returnsAt - now);
  }
}
