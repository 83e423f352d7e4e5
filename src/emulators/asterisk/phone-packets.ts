import { frameMs } from '../phone/caller-audio.ts';

/** A stretch in which the phone is on hold, from the start of its media. */
export interface Hold {
  readonly atMs: number;
  readonly forMs: number;
}

export interface PhonePacketsOptions {
  /** Of one packet of the phone; a multiple of 20, 20 unless set. Asterisk times nothing anew. */
  readonly packetMs?: number;
  /** On hold packets just stop: no event, no silence. */
  readonly holds?: readonly Hold[];
}

/** What comes from the phone in one slot of 20 ms. */
export type FromPhone =
  | { readonly type: 'packet'; readonly audio: Buffer }
  | { readonly type: 'key'; readonly digit: string }
  | { readonly type: 'nothing' };

const nothing: FromPhone = { type: 'nothing' };
/** A key is held for this long. */
const keyFrames = 180 / frameMs;

/**
 * What a SIP phone's packets are when Asterisk passes them on: as long as the phone makes them, none while a key is
 * down or the call on hold, and a key told when it is let go.
 */
export class PhonePackets {
  readonly #frames: number;
  readonly #holds: readonly Hold[];
  #gathered: Buffer[] = [];
  readonly #keys: string[] = [];
  #keyFramesLeft = 0;

  constructor(options: PhonePacketsOptions) {
    this.#frames = Math.max(1, Math.round((options.packetMs ?? frameMs) / frameMs));
    this.#holds = options.holds ?? [];
  }

  press(digit: string): void {
    this.#keys.push(digit);
    if (this.#keyFramesLeft === 0) this.#keyFramesLeft = keyFrames;
  }

  /** `slot` counts the frames from 1. */
  next(frame: Buffer, slot: number): FromPhone {
    if (this.#keyFramesLeft > 0) return this.#keyIsDown();
    const nowMs = slot * frameMs;
    if (this.#holds.some(({ atMs, forMs }) => nowMs > atMs && nowMs <= atMs + forMs)) return nothing;
    this.#gathered.push(frame);
    if (this.#gathered.length < this.#frames) return nothing;
    const audio = Buffer.concat(this.#gathered);
    this.#gathered = [];
    return { type: 'packet', audio };
  }

  #keyIsDown(): FromPhone {
    this.#keyFramesLeft -= 1;
    if (this.#keyFramesLeft > 0) return nothing;
    const digit = this.#keys.shift();
    if (this.#keys.length > 0) this.#keyFramesLeft = keyFrames;
    return digit === undefined ? nothing : { type: 'key', digit };
  }
}
