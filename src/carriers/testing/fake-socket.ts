import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import type { WebSocket } from 'ws';

/** The side of `ws` that a carrier uses; what is sent passes through a connection that can be corked. */
export class FakeSocket extends EventEmitter {
  readonly sent: string[] = [];
  readonly connection: Writable;
  closeCode: number | undefined;
  terminated = false;
  bufferedAmount = 0;

  constructor() {
    super();
    const { sent } = this;
    this.connection = new Writable({
      write(frame, _encoding, done) {
        sent.push(frame.toString());
        done();
      },
      writev(frames, done) {
        for (const { chunk } of frames) sent.push(chunk.toString());
        done();
      },
    });
  }

  get webSocket(): WebSocket {
    return this as unknown as WebSocket;
  }

  /** What was sent so far, parsed. */
  get messages(): Record<string, unknown>[] {
    return this.sent.map((text) => JSON.parse(text));
  }

  /** The event of each. */
  get events(): unknown[] {
    return this.messages.map(({ event }) => event);
  }

  send(frame: Buffer | string): void {
    this.connection.write(frame);
  }

  close(code: number): void {
    this.closeCode ??= code;
  }

  terminate(): void {
    this.terminated = true;
  }

  says(message: object | string): void {
    this.emit('message', Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), false);
  }
}
