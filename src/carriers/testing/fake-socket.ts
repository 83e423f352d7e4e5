import { EventEmitter } from 'node:events';
import { WebSocket } from 'ws';
import { connectionOf, type WrittenFrame } from './frames-written.ts';

/** The side of `ws` that a carrier uses, over a connection that reads what is written to it. */
export abstract class FakeWebSocket extends EventEmitter {
  readonly connection = connectionOf((frame) => this.take(frame));
  readyState: number = WebSocket.OPEN;
  closeCode: number | undefined;
  closeReason: string | undefined;
  terminated = false;

  get webSocket(): WebSocket {
    return this as unknown as WebSocket;
  }

  close(code: number, reason = ''): void {
    this.closeCode ??= code;
    this.closeReason ??= reason;
    this.readyState = WebSocket.CLOSING;
  }

  terminate(): void {
    this.terminated = true;
    this.readyState = WebSocket.CLOSING;
  }

  /** Text of the peer's. */
  text(text: string): void {
    this.emit('message', Buffer.from(text), false);
  }

  /** A binary message of the peer's. */
  binary(bytes: Buffer): void {
    this.emit('message', bytes, true);
  }

  protected abstract take(frame: WrittenFrame): void;
}

/** One that speaks JSON, and is spoken to in JSON. */
export class FakeSocket extends FakeWebSocket {
  readonly sent: string[] = [];

  /** What was sent so far, parsed. */
  get messages(): Record<string, unknown>[] {
    return this.sent.map((text) => JSON.parse(text));
  }

  /** The event of each. */
  get events(): unknown[] {
    return this.messages.map(({ event }) => event);
  }

  says(message: object | string): void {
    this.text(typeof message === 'string' ? message : JSON.stringify(message));
  }

  protected take({ payload }: WrittenFrame): void {
    this.sent.push(payload.toString());
  }
}
