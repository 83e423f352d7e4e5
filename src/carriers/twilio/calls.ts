import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { LegEnd } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { CarrierHost, DialledCall, DialRequest } from '../carrier.ts';
import { type Dial, Dials, type MadeLeg } from '../dials.ts';
import { StreamTokens } from '../stream-tokens.ts';
import { TwilioLeg } from './leg.ts';
import type { TwilioRest } from './rest.ts';
import type { TwilioStream } from './stream.ts';
import type { StartMessage } from './wire.ts';

/** What a webhook tells of a call. */
export interface AnnouncedCall {
  readonly callSid: string;
  readonly accountSid: string | undefined;
  readonly party: Party;
}

/** What is needed to dial; undefined where something is missing. */
export interface DialSettings {
  readonly rest: TwilioRest;
  readonly accountSid: string;
  readonly phoneNumber: string;
  readonly publicUrl: string;
  readonly ringTimeoutS: number;
  readonly maxCallS: number;
}

export interface TwilioCallsOptions {
  readonly host: CarrierHost;
  readonly rest: TwilioRest | undefined;
  readonly dialling: DialSettings | undefined;
  readonly streamTokenTtlMs: number;
}

/** Twilio's statuses of a call that is over. Documentation: "Call resource", CallStatus. */
const endOfStatus: Readonly<Record<string, LegEnd['reason']>> = {
  completed: 'hung-up',
  canceled: 'hung-up',
  busy: 'busy',
  'no-answer': 'no-answer',
  failed: 'failed',
};

/** The calls of this carrier that have not ended, by CallSid, and how webhooks, streams and dials find them. */
export class TwilioCalls {
  readonly #host: CarrierHost;
  readonly #rest: TwilioRest | undefined;
  readonly #dialling: DialSettings | undefined;
  readonly #tokens: StreamTokens<TwilioLeg>;
  readonly #legs = new Map<string, TwilioLeg>();
  readonly #dials = new Dials<TwilioLeg>();

  constructor(options: TwilioCallsOptions) {
    this.#host = options.host;
    this.#rest = options.rest;
    this.#dialling = options.dialling;
    this.#tokens = new StreamTokens(options.host.clock, {
      lifetimeMs: options.streamTokenTtlMs,
      capacity: 10_000,
    });
  }

  find(callSid: string): TwilioLeg | undefined {
    return this.#legs.get(callSid);
  }

  /** The leg of a call that Twilio announced; a repeated webhook finds it again. Throws when it is not admitted. */
  announced(call: AnnouncedCall): TwilioLeg {
    return this.find(call.callSid) ?? this.#make(call, undefined).leg;
  }

  /** The leg of a call that we dialled; undefined when no such dial is under way. Throws when it is not admitted. */
  dialled(dialId: string, callSid: string, accountSid?: string): TwilioLeg | undefined {
    const dial = this.#dials.find(dialId);
    if (dial === undefined) return undefined;
    const { leg } = this.#establish(dial, callSid, accountSid);
    return leg.carrierCallId === callSid ? leg : undefined;
  }

  /** A token with which one media stream can claim the leg. */
  tokenFor(leg: TwilioLeg): string {
    return this.#tokens.issue(leg);
  }

  /** The leg whose media a stream brings, or the reason to refuse the stream. */
  claim(start: StartMessage, stream: TwilioStream): TwilioLeg | PatchcordError {
    const token = start.parameters.get('token');
    const leg = token === undefined ? undefined : this.#tokens.redeem(token);
    return leg === undefined
      ? new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID')
      : (leg.claim(start, stream) ?? leg);
  }

  /** The stream of this token is not one: its call waits for no other. */
  forgo(token: string, error: PatchcordError): void {
    this.#tokens.redeem(token)?.forgo(error);
  }

  /** Whether `status` is one of a call that is over. */
  isFinal(status: string | undefined): status is string {
    return status !== undefined && Object.hasOwn(endOfStatus, status);
  }

  /** A call's status as a webhook reports it. */
  statusChanged(callSid: string, status: string): void {
    const reason = this.isFinal(status) ? endOfStatus[status] : undefined;
    if (reason !== undefined) this.find(callSid)?.end({ reason });
  }

  /**
   * Settles when Twilio has taken the call, which rings by then at the earliest.
   * Throws DIAL_NOT_CONFIGURED, DIAL_FAILED (Twilio says no), CARRIER_API (Twilio can't be asked), CALL_LIMIT, DRAINING.
   */
  async dial(request: DialRequest): Promise<DialledCall> {
    const dialling = this.#dialling;
    if (dialling === undefined) throw new PatchcordError('PATCHCORD_DIAL_NOT_CONFIGURED');
    return this.#dials.dial(this.#host, request, dialling.phoneNumber, {
      ask: (dial) => createCall(dialling, dial),
      taken: (dial, callSid) => this.#dialledCall(dial, callSid, dialling),
    });
  }

  close(): void {
    this.#tokens.close();
  }

  #dialledCall(dial: Dial<TwilioLeg>, callSid: string, { rest, accountSid }: DialSettings): DialledCall {
    try {
      const { callId } = this.#establish(dial, callSid, accountSid);
      return { callId, carrierCallId: callSid };
    } catch (thrown) {
      // Not admitted after all: nobody would be there when it is answered.
      rest.endCall(callSid, 'canceled').catch((failure: unknown) => {
        this.#host.log.warn(
          { callSid, error: messageOf(failure) },
          'an outbound call that was not admitted could not be cancelled',
        );
      });
      throw thrown;
    }
  }

  #establish(dial: Dial<TwilioLeg>, callSid: string, accountSid: string | undefined): MadeLeg<TwilioLeg> {
    return this.#dials.establish(dial, (party) => this.#make({ callSid, accountSid, party }, dial));
  }

  #make(call: AnnouncedCall, dial: Dial<TwilioLeg> | undefined): MadeLeg<TwilioLeg> {
    const { callSid, accountSid, party } = call;
    const leg = new TwilioLeg({
      callSid,
      accountSid,
      party,
      clock: this.#host.clock,
      log: this.#host.log,
      rest: this.#rest,
      onEnded: () => this.#forget(leg, dial),
    });
    this.#legs.set(callSid, leg);
    try {
      const { callId } = this.#host.accept(leg, { overrides: dial?.overrides ?? {} });
      leg.named(callId);
      return { leg, callId };
    } catch (thrown) {
      this.#forget(leg, dial);
      throw thrown;
    }
  }

  #forget(leg: TwilioLeg, dial: Dial<TwilioLeg> | undefined): void {
    this.#tokens.revoke(leg);
    this.#legs.delete(leg.carrierCallId);
    if (dial !== undefined) this.#dials.forget(dial.id);
  }
}

async function createCall(dialling: DialSettings, dial: Dial<TwilioLeg>): Promise<string> {
  const { rest, publicUrl, ringTimeoutS, maxCallS } = dialling;
  return rest.createCall({
    to: dial.to,
    from: dial.from,
    url: `${publicUrl}/outbound-call?dial=${dial.id}`,
    statusCallback: `${publicUrl}/twilio-status-callback?dial=${dial.id}`,
    timeoutS: ringTimeoutS,
    timeLimitS: maxCallS,
  });
}
