import { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { connectionOf } from './frames-written.ts';

/** The side of `ws` that a carrier uses, over a connection that reads what is written to it. */
export class FakeSocket extends EventEmitter {
  readonly sent: string[] = [];
  readonly connection: Writable;
  readonly readyState = WebSocket.OPEN;
  closeCode: number | undefined;
  terminated = false;

  constructor() {
    super();
    const { sent } = this;
    this.connection = connectionOf(({ payload }) => sent.push(payload.toString()));
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
