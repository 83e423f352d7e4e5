import type { AudioFormat } from '../../audio/format.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { CarrierHost, DialledCall, DialRequest } from '../carrier.ts';
import { type Dial, Dials, type MadeLeg } from '../dials.ts';
import { StreamTokens } from '../stream-tokens.ts';
import { type CallIds, PlivoLeg, type TransferDesk } from './leg.ts';
import type { PlivoRest } from './rest.ts';
import type { PlivoStream } from './stream.ts';
import { type Transfer, Transfers } from './transfers.ts';
import type { StartMessage } from './wire.ts';

/** What a webhook tells of a call. */
export interface AnnouncedCall {
  readonly callUuid: string;
  readonly party: Party;
}

/** What is needed to dial; undefined where something is missing. */
export interface DialSettings {
  readonly rest: PlivoRest;
  /** E.164. */
  readonly phoneNumber: string;
  readonly publicUrl: string;
  readonly ringTimeoutS: number;
  readonly maxCallS: number;
}

export interface PlivoCallsOptions {
  readonly host: CarrierHost;
  readonly rest: PlivoRest | undefined;
  readonly dialling: DialSettings | undefined;
  readonly format: AudioFormat;
  readonly maxQueuedMs: number;
  readonly streamTokenTtlMs: number;
}

/** Plivo's statuses of a call that is over. Documentation: "Make an outbound call", CallStatus. */
const endOfStatus: Readonly<Record<string, LegEnd['reason']>> = {
  completed: 'hung-up',
  cancel: 'hung-up',
  cancelled: 'hung-up',
  canceled: 'hung-up',
  busy: 'busy',
  'no-answer': 'no-answer',
  timeout: 'no-answer',
  failed: 'failed',
};

/** Two pages of Plivo's documentation name the events of a stream that is over differently. */
const endOfStream: Readonly<Record<string, LegEnd['reason']>> = {
  StopStream: 'hung-up',
  stopped: 'hung-up',
  DroppedStream: 'connection-lost',
  failed: 'connection-lost',
};

/** The calls of this carrier that have not ended, by Plivo's ids, and how webhooks, streams and dials find them. */
export class PlivoCalls {
  readonly #options: PlivoCallsOptions;
  readonly #tokens: StreamTokens<PlivoLeg>;
  readonly #transfers: Transfers;
  readonly #legs = new Map<string, PlivoLeg>();
  readonly #dials = new Dials<PlivoLeg>();

  constructor(options: PlivoCallsOptions) {
    this.#options = options;
    const { clock } = options.host;
    this.#tokens = new StreamTokens(clock, { lifetimeMs: options.streamTokenTtlMs, capacity: 10_000 });
    this.#transfers = new Transfers(clock);
  }

  find({ callUuid, requestUuid }: CallIds): PlivoLeg | undefined {
    return (
      (callUuid === undefined ? undefined : this.#legs.get(callUuid)) ??
      (requestUuid === undefined ? undefined : this.#legs.get(requestUuid))
    );
  }

  /** The leg of a call that Plivo announced; a repeated webhook finds it again. Throws when it is not admitted. */
  announced({ callUuid, party }: AnnouncedCall): PlivoLeg {
    return this.find({ callUuid }) ?? this.#make({ callUuid }, party, undefined).leg;
  }

  /** The leg of a call that we dialled; undefined when no such dial is under way. Throws when it is not admitted. */
  dialled(dialId: string, ids: CallIds): PlivoLeg | undefined {
    const dial = this.#dials.find(dialId);
    if (dial === undefined) return undefined;
    const { leg } = this.#establish(dial, ids);
    return this.#named(leg, ids) ? leg : undefined;
  }

  /** A token with which one media stream can claim the leg: 192 bits, in letters and digits alone. */
  tokenFor(leg: PlivoLeg): string {
    return Buffer.from(this.#tokens.issue(leg), 'base64url').toString('hex');
  }

  /**
   * The leg whose media a stream brings, or the reason to refuse the stream. The token is in `start`, or in the
   * stream's address where Plivo has written `extraHeaders` in a way that we can't read.
   */
  claim(start: StartMessage, urlToken: string | undefined, stream: PlivoStream): PlivoLeg | PatchcordError {
    const leg = this.#redeem(start.extraHeaders.get('token')) ?? this.#redeem(urlToken);
    return leg === undefined
      ? new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID')
      : (leg.claim(start, stream) ?? leg);
  }

  /** Whether `status` is one of a call that is over. */
  isFinal(status: string | undefined): status is string {
    return status !== undefined && Object.hasOwn(endOfStatus, status);
  }

  /** A call's status as a webhook reports it. */
  statusChanged(ids: CallIds, status: string): void {
    const reason = this.isFinal(status) ? endOfStatus[status] : undefined;
    if (reason !== undefined) this.find(ids)?.callOver(reason);
  }

  /**
   * What Plivo reports of a media stream. Only the stream that the call has can end it: where none came, Plivo tries
   * twice more, and then hangs up.
   */
  streamChanged(ids: CallIds, event: string, streamId: string | undefined): void {
    const reason = Object.hasOwn(endOfStream, event) ? endOfStream[event] : undefined;
    if (reason === undefined) return;
    const leg =
      this.find(ids) ??
      [...this.#legs.values()].find((each) => streamId !== undefined && each.streamId === streamId);
    if (leg?.streamId === undefined) return;
    if (streamId === undefined || streamId === leg.streamId) leg.streamOver({ reason });
  }

  transfer(id: string): Transfer | undefined {
    return this.#transfers.find(id);
  }

  /**
   * Settles when Plivo has taken the call, which rings by then at the earliest.
   * Throws DIAL_NOT_CONFIGURED, DIAL_FAILED (Plivo says no), CARRIER_API (Plivo can't be asked), CALL_LIMIT, DRAINING.
   */
  async dial(request: DialRequest): Promise<DialledCall> {
    const { dialling, host } = this.#options;
    if (dialling === undefined) throw new PatchcordError('PATCHCORD_DIAL_NOT_CONFIGURED');
    return this.#dials.dial(host, request, dialling.phoneNumber, {
      ask: (dial) => createCall(dialling, dial),
      taken: (dial, requestUuid) => this.#dialledCall(dial, requestUuid, dialling.rest),
    });
  }

  close(): void {
    this.#tokens.close();
    this.#transfers.close();
  }

  #redeem(token: string | undefined): PlivoLeg | undefined {
    if (token === undefined || !/^[0-9a-f]{48}$/i.test(token)) return undefined;
    return this.#tokens.redeem(Buffer.from(token, 'hex').toString('base64url'));
  }

  #dialledCall(dial: Dial<PlivoLeg>, requestUuid: string, rest: PlivoRest): DialledCall {
    try {
      const { leg, callId } = this.#establish(dial, { requestUuid });
      this.#named(leg, { requestUuid });
      return { callId, carrierCallId: leg.carrierCallId };
    } catch (thrown) {
      // Not admitted after all: nobody would be there when it is answered.
      cancel(rest, requestUuid).catch((failure: unknown) => {
        this.#options.host.log.warn(
          { requestUuid, error: messageOf(failure) },
          'an outbound call that was not admitted could not be cancelled',
        );
      });
      throw thrown;
    }
  }

  #establish(dial: Dial<PlivoLeg>, ids: CallIds): MadeLeg<PlivoLeg> {
    return this.#dials.establish(dial, (party) => this.#make(ids, party, dial));
  }

  /** Learns another of Plivo's names of the call. False: it is the name of another call. */
  #named(leg: PlivoLeg, ids: CallIds): boolean {
    if (!leg.identify(ids)) return false;
    if (!leg.hasEnded) this.#enter(leg);
    return true;
  }

  #make(ids: CallIds, party: Party, dial: Dial<PlivoLeg> | undefined): MadeLeg<PlivoLeg> {
    const { host, rest, format, maxQueuedMs } = this.#options;
    const leg = new PlivoLeg({
      ids,
      party,
      log: host.log,
      format,
      maxQueuedMs,
      rest,
      transfers: this.#transferDesk(),
      onEnded: () => this.#forget(leg, dial),
    });
    this.#enter(leg);
    try {
      const { callId } = host.accept(leg, { overrides: dial?.overrides ?? {} });
      leg.named(callId);
      return { leg, callId };
    } catch (thrown) {
      this.#forget(leg, dial);
      throw thrown;
    }
  }

  #enter(leg: PlivoLeg): void {
    for (const id of leg.ids) this.#legs.set(id, leg);
  }

  #forget(leg: PlivoLeg, dial: Dial<PlivoLeg> | undefined): void {
    this.#tokens.revoke(leg);
    for (const id of leg.ids) if (this.#legs.get(id) === leg) this.#legs.delete(id);
    if (dial !== undefined) this.#dials.forget(dial.id);
  }

  #transferDesk(): TransferDesk | undefined {
    const { publicUrl } = this.#options.host;
    if (publicUrl === undefined) return undefined;
    return {
      offer: (transfer) => {
        const id = this.#transfers.offer(transfer);
        return {
          url: `${publicUrl}/outbound-call?transfer=${id}`,
          withdraw: () => this.#transfers.withdraw(id),
        };
      },
    };
  }
}

async function cancel(rest: PlivoRest, requestUuid: string): Promise<void> {
  if (!(await rest.cancelRequest(requestUuid))) await rest.endCall(requestUuid);
}

async function createCall(dialling: DialSettings, dial: Dial<PlivoLeg>): Promise<string> {
  const { rest, publicUrl, ringTimeoutS, maxCallS } = dialling;
  return rest.createCall({
    to: withoutPlus(dial.to),
    from: withoutPlus(dial.from),
    answerUrl: `${publicUrl}/outbound-call?dial=${dial.id}`,
    callbackUrl: `${publicUrl}/callbacks?dial=${dial.id}`,
    ringTimeoutS,
    timeLimitS: maxCallS,
  });
}

function withoutPlus(number: string): string {
  return number.replace(/^\+/, '');
}
