import type { Agenda } from './agenda.ts';

interface Pending {
  readonly name: string;
  /** When what it stands for is true. */
  dueMs: number;
  /** When it is said. */
  returnMs: number;
}

/** What a carrier says of its playback: each word late by a random delay, but all in their order. */
export class Acknowledgements {
  readonly #agenda: Agenda;
  readonly #delayMs: readonly [min: number, max: number];
  readonly #send: (name: string) => void;
  #pending: Pending[] = [];

  constructor(agenda: Agenda, delayMs: readonly [min: number, max: number], send: (name: string) => void) {
    this.#agenda = agenda;
    this.#delayMs = delayMs;
    this.#send = send;
  }

  add(name: string, dueMs: number): void {
    const pending: Pending = { name, dueMs, returnMs: 0 };
    this.#schedule(pending, this.#pending.at(-1)?.returnMs ?? 0);
    this.#pending.push(pending);
  }

  /** What is not due yet is due now. */
  hasten(nowMs: number): void {
    let lastReturnMs = 0;
    for (const pending of this.#pending) {
      if (pending.dueMs > nowMs) {
        pending.dueMs = nowMs;
        this.#schedule(pending, lastReturnMs);
      }
      lastReturnMs = pending.returnMs;
    }
  }

  /** What is not due yet is never said. */
  drop(nowMs: number): void {
    this.#pending = this.#pending.filter(({ dueMs }) => dueMs <= nowMs);
  }

  /** Nothing more is said. */
  end(): void {
    this.#pending = [];
  }

  #schedule(pending: Pending, notBeforeMs: number): void {
    const [minMs, maxMs] = this.#delayMs;
    pending.returnMs = Math.max(notBeforeMs, pending.dueMs + minMs + Math.random() * (maxMs - minMs));
    this.#agenda.at(pending.returnMs, (nowMs) => this.#return(nowMs));
  }

  #return(nowMs: number): void {
    for (let first = this.#pending[0]; first && first.returnMs <= nowMs; first = this.#pending[0]) {
      this.#pending.shift();
      this.#send(first.name);
    }
  }
}
