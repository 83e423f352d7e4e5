import type { EventsMessage } from '../../../src/api/contract.ts';

export interface FeedListener {
  message(message: EventsMessage): void;
  /** `false` also after each attempt that failed; what was missed comes with the next snapshot. */
  connected(connected: boolean): void;
}

const firstDelayMs = 500;
const longestDelayMs = 10_000;

/** The stream of call events: opened again after each loss, later each time, until it is closed. */
export class EventsFeed {
  readonly #url: string;
  readonly #listener: FeedListener;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delayMs = firstDelayMs;

  constructor(url: string, listener: FeedListener) {
    this.#url = url;
    this.#listener = listener;
  }

  open(): void {
    this.close();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      this.#delayMs = firstDelayMs;
      const message: unknown = typeof data === 'string' ? JSON.parse(data) : undefined;
      if (isEventsMessage(message)) this.#listener.message(message);
    };
    socket.onopen = () => this.#listener.connected(true);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#listener.connected(false);
      this.#timer = setTimeout(() => this.open(), this.#delayMs * (0.75 + Math.random() / 2));
      this.#delayMs = Math.min(longestDelayMs, this.#delayMs * 2);
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}

/** The gateway is trusted for the rest of the shape: page and gateway are built from the same types. */
function isEventsMessage(value: unknown): value is EventsMessage {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
