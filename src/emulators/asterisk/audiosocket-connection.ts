import { connect, type Socket } from 'node:net';
import type { Clock, Timeout } from '../../base/clock.ts';
import type { PhoneLine } from '../phone/line.ts';
import type { LineFrame, LineTransport } from '../phone/line-wire.ts';

export interface AudioSocketConnectionOptions {
  readonly clock: Clock;
  readonly socket: Socket;
  /** The call ends when neither side sends for two seconds. */
  readonly watchesActivity: boolean;
  readonly hangsUpWith: 'fin' | 'rst';
}

/** Asterisk, `res_audiosocket.c`: how long it waits for a connection, and for the rest of a payload. */
const connectWithinMs = 2000;
const payloadWithinMs = 5;
/** Asterisk, `app_audiosocket.c`. */
const activityWithinMs = 2000;
const closeWithinMs = 2000;
/** As WebSockets say it (RFC 6455, section 7.4.1): closed in order, and lost. */
const orderly = 1000;
const lost = 1006;

/** Connects as Asterisk does. Rejects when nobody takes the connection in time. */
export function openAudioSocket(clock: Clock, host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const failed = (error: Error): void => {
      deadline.cancel();
      socket.destroy();
      reject(error);
    };
    const deadline = clock.setTimeout(
      () => failed(new Error(`no connection within ${connectWithinMs / 1000} s`)),
      connectWithinMs,
    );
    socket.once('error', failed);
    socket.once('connect', () => {
      deadline.cancel();
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** The TCP connection below one AudioSocket, with what Asterisk does by the clock. Owns the socket and its timers. */
export class AudioSocketConnection implements LineTransport {
  readonly #options: AudioSocketConnectionOptions;
  #line: PhoneLine | undefined;
  #lastActivityAtMs: number;
  #activity: Timeout | undefined;
  #payload: Timeout | undefined;

  constructor(options: AudioSocketConnectionOptions) {
    this.#options = options;
    this.#lastActivityAtMs = options.clock.now();
  }

  /** Everything that comes goes to the line from now on. */
  join(line: PhoneLine): void {
    const { socket, watchesActivity } = this.#options;
    this.#line = line;
    socket.on('data', (data: Buffer) => {
      this.#lastActivityAtMs = this.#options.clock.now();
      line.receive(data, true);
    });
    socket.on('end', () => this.#closed(orderly));
    socket.on('error', () => this.#closed(lost));
    socket.on('close', () => this.#closed(lost));
    if (watchesActivity) this.#watchActivity();
  }

  /** A payload has begun to come and is not whole: a gateway writes header and payload at once. */
  awaitsPayload(awaits: boolean): void {
    this.#payload?.cancel();
    this.#payload = undefined;
    if (!awaits) return;
    const { clock } = this.#options;
    // A second look: on a busy machine the rest may have come and not been read.
    this.#payload = clock.setTimeout(() => {
      this.#payload = clock.setTimeout(() => this.#stalled(), 1);
    }, payloadWithinMs);
  }

  send(frame: LineFrame): void {
    this.#lastActivityAtMs = this.#options.clock.now();
    if (this.#options.socket.writable) this.#options.socket.write(frame);
  }

  close(): void {
    const { clock, socket, hangsUpWith } = this.#options;
    this.#stopWatching();
    if (hangsUpWith === 'rst') {
      socket.resetAndDestroy();
      return;
    }
    const deadline = clock.setTimeout(() => socket.destroy(), closeWithinMs);
    socket.once('close', () => deadline.cancel());
    socket.end();
  }

  destroy(): void {
    this.#stopWatching();
    // A close in progress is left its two seconds; everything else ends now.
    if (!this.#options.socket.writableEnded) this.#options.socket.resetAndDestroy();
  }

  bufferedBytes(): number {
    return this.#options.socket.writableLength;
  }

  #closed(code: number): void {
    this.#stopWatching();
    this.#line?.closed(code);
    if (code === orderly) this.#options.socket.end();
  }

  #watchActivity(): void {
    const { clock } = this.#options;
    const idleMs = clock.now() - this.#lastActivityAtMs;
    if (idleMs >= activityWithinMs) {
      this.#line?.breakOff('no-activity', `neither side sent anything for ${activityWithinMs / 1000} s`);
      return;
    }
    this.#activity = clock.setTimeout(() => this.#watchActivity(), activityWithinMs - idleMs);
  }

  #stalled(): void {
    this.#line?.breakOff('stalled-frame', `a payload was not whole ${payloadWithinMs} ms after it had begun`);
  }

  #stopWatching(): void {
    this.#activity?.cancel();
    this.#activity = undefined;
    this.#payload?.cancel();
    this.#payload = undefined;
  }
}
