import type { MediaSocket } from './media-socket.ts';

/** A returned mark is our own name in an envelope of some hundred bytes; anything longer counts as flood. */
const maxReturnedBytes = 1024;

/** Marks that were sent and have not come back. The peer may return as many as it got, however fast: a clear returns all at once. */
export class MarksOut {
  readonly #socket: MediaSocket;
  #out = 0;

  constructor(socket: MediaSocket) {
    this.#socket = socket;
  }

  sent(): void {
    this.#out += 1;
  }

  /** The message of now is a returned mark of so many bytes. */
  returned(bytes: number): void {
    if (this.#out === 0 || bytes > maxReturnedBytes) return;
    this.#out -= 1;
    this.#socket.forgive(bytes);
  }

  /** Those that are out will not come back. */
  forget(): void {
    this.#out = 0;
  }
}
