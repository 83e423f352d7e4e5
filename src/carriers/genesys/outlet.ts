import type { AudioChunk } from '../../audio/chunk.ts';
import type { Clock } from '../../base/clock.ts';
import { AudioOut } from './audio-out.ts';
import { Backoff } from './backoff.ts';
import { TextSender } from './outgoing.ts';
import type { ServerMessage } from './wire.ts';

export interface OutletOptions {
  readonly clock: Clock;
  /** Text messages in a second. */
  readonly messagesPerSecond: number;
  /** The least time between two binary messages. */
  readonly frameEveryMs: number;
  /** Audio that may be held while we back off, bytes. */
  readonly heldBytes: number;
  readonly writeText: (message: ServerMessage) => void;
  readonly writeAudio: (frame: Buffer) => void;
}

/** Reports that may wait for their turn. */
const maxReports = 1000;

/** All that goes to Genesys in one session, no more of it than it takes: audio, answers at once, reports in their turn. */
export class Outlet {
  readonly #sender: TextSender;
  readonly #audio: AudioOut;
  readonly #backoff: Backoff;

  constructor({ clock, messagesPerSecond, frameEveryMs, heldBytes, writeText, writeAudio }: OutletOptions) {
    this.#sender = new TextSender({
      clock,
      perSecond: messagesPerSecond,
      capacity: maxReports,
      write: writeText,
    });
    this.#audio = new AudioOut({ clock, everyMs: frameEveryMs, capacity: heldBytes, write: writeAudio });
    this.#backoff = new Backoff(clock, {
      began: () => {
        this.#audio.hold();
        this.#sender.hold();
      },
      ended: () => {
        this.#audio.release();
        this.#sender.release();
      },
    });
  }

  /** Some of the audio that was given has not been written. */
  get isBehind(): boolean {
    return this.#audio.isBehind;
  }

  /** False: too much is held, and this was not taken. */
  play(audio: AudioChunk): boolean {
    return this.#audio.play(audio);
  }

  dropAudio(): void {
    this.#audio.drop();
  }

  /** Written before this returns. */
  answer(message: ServerMessage): void {
    this.#sender.now(message);
  }

  /** False: too many wait, and it will not be written. */
  report(message: ServerMessage): boolean {
    return this.#sender.queue(message);
  }

  /** Genesys says that it is sent too much. False: it was one time too many. */
  complained(retryAfterMs: number | undefined, roundTripMs: number): boolean {
    return this.#backoff.complained(retryAfterMs, roundTripMs);
  }

  /** No more audio; reports that wait still leave. */
  finish(): void {
    this.#audio.drop();
    this.#backoff.close();
  }

  /** Nothing leaves by itself any more. */
  close(): void {
    this.finish();
    this.#sender.close();
  }
}
