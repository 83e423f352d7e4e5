import type { ChannelEvent, QueueStatus } from './channel-event.ts';

/** Frames that are queued at most; a message that comes then is dropped whole. */
export const maxQueuedFrames = 1000;
/** At this length the gateway is told to stop sending, and below the other to go on. */
const xoffLevel = 900;
const xonLevel = 800;

type Entry = { readonly frame: Buffer } | { readonly event: Extract<ChannelEvent, { readonly id: string }> };

/** What a message from the gateway came to. */
export interface Taken {
  /** True: the queue was full, and the message is lost. */
  readonly refused: boolean;
  /** The tail that filled no frame and was not kept for the next message. */
  readonly droppedBytes: number;
}

export interface MediaQueueOptions {
  readonly frameBytes: number;
  /** An event for the gateway. */
  tell(event: ChannelEvent): void;
}

/**
 * The queue of a WebSocket channel: cuts what comes into frames and gives one of them out at each tick. Without a
 * clock: its owner ticks. Asterisk, `chan_websocket.c`, sections "queue" and "handle_command"; what was observed of
 * Asterisk 22.10 agrees.
 */
export class MediaQueue {
  readonly #frameBytes: number;
  readonly #tell: (event: ChannelEvent) => void;
  #entries: Entry[] = [];
  #length = 0;
  #full = false;
  #paused = false;
  #buffering = false;
  #drainAsked = false;
  #leftover: Buffer = Buffer.alloc(0);

  constructor(options: MediaQueueOptions) {
    this.#frameBytes = options.frameBytes;
    this.#tell = options.tell;
  }

  get status(): QueueStatus {
    return {
      queueLength: this.#length,
      xonLevel,
      xoffLevel,
      queueFull: this.#full,
      bulkMedia: this.#buffering,
      mediaPaused: this.#paused,
    };
  }

  /** Bytes of frames that are queued. */
  get queuedBytes(): number {
    return this.#entries.reduce((sum, entry) => sum + ('frame' in entry ? entry.frame.length : 0), 0);
  }

  /** A tick would find nothing to give out or to tell. */
  get idle(): boolean {
    if (this.#paused) return true;
    return this.#entries.length === 0 && !this.#drainAsked && !this.#full;
  }

  /** What of a message of this length would fill no frame and be dropped. */
  tailOf(messageBytes: number): number {
    return this.#buffering ? 0 : (this.#leftover.length + messageBytes) % this.#frameBytes;
  }

  /** A binary message. */
  take(message: Buffer): Taken {
    if (this.#length >= maxQueuedFrames) return { refused: true, droppedBytes: 0 };
    const audio = this.#leftover.length === 0 ? message : Buffer.concat([this.#leftover, message]);
    this.#leftover = Buffer.alloc(0);
    const whole = audio.length - (audio.length % this.#frameBytes);
    for (let at = 0; at < whole; at += this.#frameBytes) {
      this.#queue(audio.subarray(at, at + this.#frameBytes));
    }
    const tail = audio.subarray(whole);
    if (!this.#buffering) return { refused: false, droppedBytes: tail.length };
    this.#leftover = Buffer.from(tail);
    return { refused: false, droppedBytes: 0 };
  }

  startBuffering(): void {
    this.#buffering = true;
  }

  /** What is left over becomes a short frame, and the gateway is told when its place in the queue is reached. */
  stopBuffering(id: string): void {
    this.#buffering = false;
    if (this.#leftover.length > 0) this.#queue(this.#leftover);
    this.#leftover = Buffer.alloc(0);
    this.#entries.push({ event: { event: 'MEDIA_BUFFERING_COMPLETED', id } });
  }

  mark(id: string): void {
    this.#entries.push({ event: { event: 'MEDIA_MARK_PROCESSED', id } });
  }

  /** Throws everything away, marks with it; a pause stays. Returns the frames that nobody will hear. */
  flush(): { readonly bytes: number; readonly marks: readonly string[] } {
    const bytes = this.queuedBytes;
    const marks = this.#entries.flatMap((entry) => ('event' in entry ? [entry.event.id] : []));
    this.#entries = [];
    this.#length = 0;
    this.#buffering = false;
    this.#leftover = Buffer.alloc(0);
    return { bytes, marks };
  }

  pause(on: boolean): void {
    this.#paused = on;
  }

  reportDrained(): void {
    this.#drainAsked = true;
  }

  /** One frame's time has come: the frame that goes to the phone now, or undefined. */
  tick(): Buffer | undefined {
    if (this.#paused) return undefined;
    if (this.#full && this.#length < xonLevel) {
      this.#full = false;
      this.#tell({ event: 'MEDIA_XON' });
    }
    if (this.#entries.length === 0 && this.#drainAsked) {
      this.#drainAsked = false;
      this.#tell({ event: 'QUEUE_DRAINED' });
    }
    for (let next = this.#entries.shift(); next !== undefined; next = this.#entries.shift()) {
      if ('frame' in next) {
        this.#length -= 1;
        return next.frame;
      }
      this.#tell(next.event);
    }
    return undefined;
  }

  #queue(frame: Buffer): void {
    this.#entries.push({ frame });
    this.#length += 1;
    if (this.#full || this.#length < xoffLevel) return;
    this.#full = true;
    this.#tell({ event: 'MEDIA_XOFF' });
  }
}
