import type { Conversation, Entry } from './conversation.ts';
import { generatedMsOf } from './conversation.ts';
import type { ClientEvent } from './events.ts';
import type { ResponseRun } from './response.ts';

/** One client event other than appended audio. */
export interface ReceivedEvent {
  readonly atMs: number;
  readonly event: ClientEvent;
}

export interface SentError {
  readonly atMs: number;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly clientEventId: string | null;
}

/** What a client said was heard of an item, and how much of it there was. */
export interface Truncation {
  readonly atMs: number;
  readonly itemId: string;
  readonly audioEndMs: number;
  readonly generatedMs: number;
  readonly accepted: boolean;
}

export interface ItemLedger {
  readonly itemId: string;
  readonly kind: string;
  readonly generatedMs: number;
  readonly truncatedMs: number | undefined;
  readonly deleted: boolean;
}

export interface ResponseLedger {
  readonly id: string;
  readonly inConversation: boolean;
  readonly status: string;
  readonly reason: string | undefined;
  readonly audioMs: number;
}

const mostEvents = 2000;
const mostResponses = 500;

/** What happened in one session, for tests; times are of the emulator's clock. The oldest of long lists fall out. */
export class SessionRecord {
  readonly clientEvents: ReceivedEvent[] = [];
  readonly errors: SentError[] = [];
  readonly truncations: Truncation[] = [];
  readonly deletions: string[] = [];
  appendCount = 0;
  appendedMs = 0;
  readonly #conversation: Conversation;
  readonly #responses: ResponseRun[] = [];
  #frozen: readonly ResponseLedger[] | undefined;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  get items(): readonly ItemLedger[] {
    return this.#conversation.history.map(ledgerOf);
  }

  get responses(): readonly ResponseLedger[] {
    if (this.#frozen !== undefined) return this.#frozen;
    return this.#responses.map((run) => ({
      id: run.id,
      inConversation: run.settings.inConversation,
      status: run.status ?? 'in_progress',
      reason: run.reason,
      audioMs: run.audioMs,
    }));
  }

  /** The ledger of one item, deleted or not. */
  item(itemId: string): ItemLedger | undefined {
    const entry = this.#conversation.history.find((candidate) => candidate.item.id === itemId);
    return entry === undefined ? undefined : ledgerOf(entry);
  }

  /** The session is over: keeps the figures and lets go of what made them. */
  freeze(): void {
    this.#frozen = this.responses;
    this.#responses.length = 0;
  }

  received(event: ReceivedEvent): void {
    push(this.clientEvents, event, mostEvents);
  }

  failed(error: SentError): void {
    push(this.errors, error, mostEvents);
  }

  truncated(truncation: Truncation): void {
    push(this.truncations, truncation, mostEvents);
  }

  responded(run: ResponseRun): void {
    push(this.#responses, run, mostResponses);
  }
}

function ledgerOf(entry: Entry): ItemLedger {
  const { item } = entry;
  return {
    itemId: item.id,
    kind: item.type === 'message' ? item.role : item.type,
    generatedMs: generatedMsOf(entry),
    truncatedMs: entry.truncatedMs,
    deleted: entry.deleted,
  };
}

function push<T>(list: T[], entry: T, bound: number): void {
  if (list.length >= bound) list.shift();
  list.push(entry);
}
