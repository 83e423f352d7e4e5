import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** The side of Asterisk, with a reader of its own; for tests. */
export class Asterisk {
  readonly socket: Socket;
  /** Frames that came, as `kind length`. */
  readonly frames: string[] = [];
  readonly ended: Promise<void>;
  #rest = Buffer.alloc(0);
  readonly #waiting: { readonly frames: number; readonly resolve: () => void }[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('data', (bytes) => this.#read(bytes));
    this.ended = once(this.socket, 'end').then(() => undefined);
  }

  send(...hex: string[]): void {
    this.socket.write(Buffer.from(hex.join(''), 'hex'));
  }

  /** Settles when that many frames have come in all. */
  got(frames: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.frames.length >= frames) resolve();
    else this.#waiting.push({ frames, resolve });
    return promise;
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 3 && this.#rest.length >= 3 + this.#rest.readUInt16BE(1)) {
      const length = this.#rest.readUInt16BE(1);
      this.frames.push(`${this.#rest.toString('hex', 0, 1)} ${length}`);
      this.#rest = this.#rest.subarray(3 + length);
    }
    for (const { frames, resolve } of this.#waiting) if (this.frames.length >= frames) resolve();
  }
}
