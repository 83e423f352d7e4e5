import { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerMs, pcmu8k } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import type { HangUpReason, Leg, LegEnd, LegEvents, PlaybackTraits } from '../leg.ts';
import type { Party } from '../party.ts';

export interface FakeLegOptions {
  readonly clock: Clock;
  readonly format?: AudioFormat;
  readonly direction?: 'inbound' | 'outbound';
  /** Delay of a mark on its way back. */
  readonly markDelayMs?: () => number;
}

/** A phone whose carrier queues, clears and acknowledges to the sample, on the test's clock. */
export class FakeLeg implements Leg {
  readonly carrier = 'fake';
  carrierCallId = 'carrier-1';
  readonly party: Party;
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
  readonly playback: PlaybackTraits = {
    buffering: 'queued',
    acknowledges: 'marks',
    markEveryMs: 200,
    continuousMedia: true,
    delivery: {},
  };
  readonly #clock: Clock;
  readonly #markDelayMs: () => number;
  /** What reached the carrier, in order. */
  readonly log: ('play' | 'mark' | 'clear' | 'hang-up')[] = [];
  playedBytes = 0;
  hangUps: HangUpReason[] = [];
  /** False: hanging up never settles. */
  confirmsHangUp = true;
  /** Called for each chunk that reaches the carrier. */
  onPlay: (() => void) | undefined;
  /** Called before a clear is written. */
  onClear: (() => void) | undefined;
  #events: LegEvents | undefined;
  #endAt = 0;
  #marks: { readonly name: string; readonly timer: Timeout }[] = [];

  constructor(options: FakeLegOptions) {
    this.#clock = options.clock;
    this.#markDelayMs = options.markDelayMs ?? (() => 0);
    this.receives = options.format ?? pcmu8k;
    this.sends = this.receives;
    this.party = {
      direction: options.direction ?? 'inbound',
      from: '+15550100001',
      to: '+15550100002',
      variables: {},
    };
  }

  get events(): LegEvents {
    if (!this.#events) throw new Error('the leg is not attached');
    return this.#events;
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  play(audio: AudioChunk): void {
    this.onPlay?.();
    this.log.push('play');
    this.playedBytes += audio.byteLength;
    this.#endAt = Math.max(this.#endAt, this.#clock.now()) + audio.byteLength / bytesPerMs(this.sends);
  }

  mark(name: string): void {
    this.log.push('mark');
    const waitMs = Math.max(0, this.#endAt - this.#clock.now()) + this.#markDelayMs();
    const timer = this.#clock.setTimeout(() => {
      this.#marks = this.#marks.filter((mark) => mark.name !== name);
      this.events.played({ type: 'mark', name });
    }, waitMs);
    this.#marks.push({ name, timer });
  }

  clear(): void {
    this.onClear?.();
    this.log.push('clear');
    this.#endAt = this.#clock.now();
    const returned = this.#marks;
    this.#marks = [];
    for (const { name, timer } of returned) {
      timer.cancel();
      this.#clock.setTimeout(() => this.events.played({ type: 'mark', name }), this.#markDelayMs());
    }
  }

  hangUp(reason: HangUpReason): Promise<void> {
    this.log.push('hang-up');
    this.hangUps.push(reason);
    return this.confirmsHangUp ? Promise.resolve() : new Promise(() => undefined);
  }

  /** The caller's side: `ms` of audio in frames of 20 ms, as the clock stands. */
  speak(ms: number, fromTimestampMs?: number): void {
    for (let at = 0; at < ms; at += 20) {
      const frame = AudioChunk.fromBytes(Buffer.alloc(20 * bytesPerMs(this.receives), 2));
      this.events.audio(frame, fromTimestampMs === undefined ? undefined : fromTimestampMs + at);
    }
  }

  end(reason: LegEnd['reason'] = 'hung-up'): void {
    for (const { timer } of this.#marks) timer.cancel();
    this.#marks = [];
    this.events.ended({ reason });
  }
}
