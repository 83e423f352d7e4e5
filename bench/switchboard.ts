import type { Agenda } from './agenda.ts';
import { blockMs } from './coding.ts';
import type { Meter } from './meter.ts';

/** One spoken answer of the model side, recognised on the carrier side by the number in its stamps. */
export interface AnswerItem {
  readonly number: number;
  readonly id: string;
  /** When each delta left, ms; NaN where the moment says nothing about latency. */
  readonly sentAtMs: number[];
  readonly blocksPerDelta: number;
  generatedMs: number;
  /** When its first delta left, ms. */
  startedAtMs: number;
  /** Next block expected on the carrier side. */
  nextBlock: number;
  /** All of it was generated. */
  complete: boolean;
  /** What the subject told the model was heard, ms; undefined when it said nothing. */
  claimedMs: number | undefined;
  /** When it last said so, ms. */
  claimedAtMs: number;
  /** When audio of it last reached a carrier that plays at once, ms. */
  lastHeardAtMs: number;
  /** What was really heard, ms, once the answer is over. */
  heardMs: number | undefined;
}

/** The caller started to speak: what must follow on the carrier side. */
export interface Interruption {
  readonly sentAtMs: number;
  readonly items: readonly AnswerItem[];
  /** Audio was still to be played, so that it must be stopped. */
  readonly expectsClear: boolean;
  clearedAtMs: number | undefined;
}

/** What the two sides of the generator share: both run in one process, so that one clock measures. */
export class Switchboard<Call extends { readonly number: number }> {
  readonly agenda: Agenda;
  readonly meter: Meter;
  readonly #calls = new Map<number, Call>();
  readonly #items = new Map<number, AnswerItem>();
  #nextCall = 1;
  #nextItem = 1;

  constructor(agenda: Agenda, meter: Meter) {
    this.agenda = agenda;
    this.meter = meter;
  }

  callNumber(): number {
    return this.#nextCall++;
  }

  addCall(call: Call): void {
    this.#calls.set(call.number, call);
  }

  removeCall(call: Call): void {
    this.#calls.delete(call.number);
  }

  call(number: number): Call | undefined {
    return this.#calls.get(number);
  }

  newItem(deltaMs: number): AnswerItem {
    const number = this.#nextItem++;
    const item: AnswerItem = {
      number,
      id: `item_${String(number).padStart(21, '0')}`,
      sentAtMs: [],
      blocksPerDelta: deltaMs / blockMs,
      generatedMs: 0,
      startedAtMs: Number.POSITIVE_INFINITY,
      nextBlock: 0,
      complete: false,
      claimedMs: undefined,
      claimedAtMs: Number.POSITIVE_INFINITY,
      lastHeardAtMs: Number.NEGATIVE_INFINITY,
      heardMs: undefined,
    };
    this.#items.set(number, item);
    return item;
  }

  item(number: number): AnswerItem | undefined {
    return this.#items.get(number);
  }

  forgetItem(item: AnswerItem): void {
    this.#items.delete(item.number);
  }
}
