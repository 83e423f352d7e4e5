import type { ConnectSocket, ModelSocket, SocketEvents, SocketRequest } from '../socket.ts';

/** What a client event looks like once it was sent. */
export type SentEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** A socket in memory whose far end is a test; for tests alone. */
export class FakeSocket implements ModelSocket {
  bufferedAmount = 0;
  pings = 0;
  closed: { readonly code: number; readonly reason: string } | undefined;
  terminated = false;
  answersPings = true;
  /** Unlike OpenAI, answers a close frame. */
  answersClose = false;
  readonly request: SocketRequest;
  readonly sent: SentEvent[] = [];
  readonly #events: SocketEvents;

  constructor(request: SocketRequest, events: SocketEvents) {
    this.request = request;
    this.#events = events;
  }

  send(...pieces: Buffer[]): void {
    this.sent.push(JSON.parse(Buffer.concat(pieces).toString('utf8')));
  }

  ping(): void {
    this.pings += 1;
    if (this.answersPings) this.#events.pong();
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
    if (this.answersClose) this.end(code, reason);
  }

  terminate(): void {
    this.terminated = true;
  }

  open(): void {
    this.#events.opened();
  }

  says(event: object): void {
    this.saysRaw(Buffer.from(JSON.stringify(event)));
  }

  saysRaw(frame: Buffer, binary = false): void {
    this.#events.message(frame, binary);
  }

  end(code: number, reason = ''): void {
    this.#events.ended({ type: 'closed', code, reason });
  }

  refuse(status: number, more: { readonly retryAfter?: string; readonly code?: string } = {}): void {
    this.#events.ended({ type: 'refused', status, retryAfter: more.retryAfter, code: more.code });
  }

  break(code: string, message = code): void {
    this.#events.ended({ type: 'failed', code, message });
  }

  /** What was sent of one type. */
  all(type: string): readonly SentEvent[] {
    return this.sent.filter((event) => event.type === type);
  }

  last(type: string): SentEvent {
    const event = this.all(type).at(-1);
    if (!event) throw new Error(`no ${type} was sent`);
    return event;
  }
}

/** A `connect` that keeps every socket it made. */
export function fakeConnect(): { readonly connect: ConnectSocket; readonly sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  return {
    sockets,
    connect(request, events) {
      const socket = new FakeSocket(request, events);
      sockets.push(socket);
      return socket;
    },
  };
}
