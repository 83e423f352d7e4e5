import { PatchcordError } from '../../base/errors.ts';
import type { Envelope } from './wire.ts';

/** The numbers on a session's messages. AudioHook protocol, "Sequence numbers": each side counts its own from 1. */
export class Sequence {
  readonly #id: string;
  #seq = 0;
  #clientseq = 0;
  /** Messages that could not be read: each may have had a number. */
  #unread = 0;

  constructor(id: string) {
    this.#id = id;
  }

  /** Takes the client's number; what is wrong, in the words that the client is told. Undefined envelope: unreadable. */
  received(envelope: Envelope | undefined): PatchcordError | undefined {
    if (envelope === undefined) {
      this.#unread += 1;
      return undefined;
    }
    const { seq, serverseq, id } = envelope;
    const inOrder = seq > this.#clientseq && seq <= this.#clientseq + 1 + this.#unread;
    if (!inOrder) return outOfOrder('Invalid client sequence number.');
    this.#clientseq = seq;
    this.#unread = 0;
    if (serverseq > this.#seq) return outOfOrder('Invalid server sequence number.');
    if (id !== this.#id) return new PatchcordError('PATCHCORD_CALL_MISMATCH', 'Invalid ID specified.');
    return undefined;
  }

  /** For our next message, which must be written now. */
  next(): { readonly id: string; readonly seq: number; readonly clientseq: number } {
    this.#seq += 1;
    return { id: this.#id, seq: this.#seq, clientseq: this.#clientseq };
  }
}

function outOfOrder(message: string): PatchcordError {
  return new PatchcordError('PATCHCORD_MESSAGE_ORDER', message);
}
