import type { Clock, Timeout } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { CallObserver, CallSnapshot } from '../call/events.ts';
import type { Party } from '../call/party.ts';
import { callerInfoOf } from '../tools/caller-info.ts';
import type { AgentApi, CallSummary, SummaryTranscript } from './agent-api.ts';

export interface CallSummariesOptions {
  readonly api: Pick<AgentApi, 'postSummary'>;
  /** The carrier whose calls are summarised. */
  readonly carrier: string;
  /** Who a live call is with, by our id of the call. */
  readonly partyOf: (callId: string) => Party | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long after a failure a summary is posted again; after the last it is given up. */
const retryAfterMs: readonly number[] = [1000, 5000, 20_000];
/** Summaries under way at once; what comes beyond that is dropped. */
const maxPending = 500;

/** Posts a summary of each call that has ended to the agent API. A failure is a warning and touches no call. */
export class CallSummaries {
  readonly #options: CallSummariesOptions;
  readonly #parties = new Map<string, Party>();
  readonly #pending = new Set<Promise<void>>();
  /** Ends the waits before another attempt. */
  readonly #waits = new Set<() => void>();
  #closing = false;

  constructor(options: CallSummariesOptions) {
    this.#options = options;
  }

  readonly observe: CallObserver = (event) => {
    switch (event.type) {
      case 'call.started': {
        const party = this.#options.partyOf(event.callId);
        if (event.call.carrier === this.#options.carrier && party) this.#parties.set(event.callId, party);
        return;
      }
      case 'call.ended': {
        const party = this.#parties.get(event.callId);
        this.#parties.delete(event.callId);
        if (event.call.carrier !== this.#options.carrier) return;
        this.#post(summaryOf(event.call, event.atEpochMs, party));
        return;
      }
      default:
        return;
    }
  };

  /** No more retries: settles when what is under way has been tried once more, within the API's own deadline. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const wake of this.#waits) wake();
    await Promise.all(this.#pending);
  }

  #post(summary: CallSummary): void {
    const { log } = this.#options;
    const ids = { uuid: summary.sessionUuid };
    if (this.#pending.size >= maxPending) {
      log.warn({ ...ids, code: 'PATCHCORD_AGENT_API' }, 'a call summary was dropped: too many wait');
      return;
    }
    const posting = this.#attempts(summary)
      .catch((thrown: unknown) => {
        const code = thrown instanceof PatchcordError ? thrown.code : 'PATCHCORD_INTERNAL';
        log.warn({ ...ids, code, error: messageOf(thrown) }, 'a call summary was not posted');
      })
      .finally(() => this.#pending.delete(posting));
    this.#pending.add(posting);
  }

  async #attempts(summary: CallSummary): Promise<void> {
    for (const waitMs of retryAfterMs) {
      try {
        await this.#options.api.postSummary(summary);
        return;
      } catch (thrown) {
        if (this.#closing || !mayHeal(thrown)) throw thrown;
      }
      await this.#wait(waitMs);
    }
    await this.#options.api.postSummary(summary);
  }

  async #wait(ms: number): Promise<void> {
    if (this.#closing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer: Timeout = this.#options.clock.setTimeout(resolve, ms);
    this.#waits.add(resolve);
    await promise;
    timer.cancel();
    this.#waits.delete(resolve);
  }
}

/** Not when the API says that the request itself is wrong. */
function mayHeal(thrown: unknown): boolean {
  const status = thrown instanceof PatchcordError ? thrown.details.status : undefined;
  if (typeof status !== 'number' || status >= 500) return true;
  return status === 408 || status === 425 || status === 429;
}

function summaryOf(call: CallSnapshot, endedAtEpochMs: number, party: Party | undefined): CallSummary {
  const { carrierCallId, startedAtEpochMs, from, to } = call;
  const iso = (epochMs: number): string => new Date(epochMs).toISOString();
  const transcripts = call.turns.flatMap(({ role, text, heardText, startedAtMs }): SummaryTranscript[] => {
    const said = (role === 'caller' ? text : heardText).trim();
    if (said === '') return [];
    return [
      {
        role: role === 'caller' ? 'user' : 'agent',
        text: said,
        timestamp: iso(startedAtEpochMs + startedAtMs),
      },
    ];
  });
  const known = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  return {
    sessionUuid: carrierCallId,
    callerInfo: { ...callerInfoOf(party ?? { ...known, variables: {} }) },
    callMetadata: {
      startTime: iso(startedAtEpochMs),
      endTime: iso(endedAtEpochMs),
      durationSeconds: Math.round((endedAtEpochMs - startedAtEpochMs) / 1000),
    },
    transcripts,
  };
}
