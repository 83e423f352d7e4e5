import { randomBytes } from 'node:crypto';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { LegEnd, TransferTarget } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { CarrierHost, DialledCall, DialRequest } from '../carrier.ts';
import { type Dial, Dials, type MadeLeg } from '../dials.ts';
import { StreamTokens } from '../stream-tokens.ts';
import { type CallEvent, type OurState, writeState } from './events.ts';
import { Farewells } from './farewells.ts';
import type { TelnyxCodec } from './formats.ts';
import { type Aftermath, type LegKeeper, TelnyxLeg } from './leg.ts';
import type { TelnyxRest } from './rest.ts';
import { SeenIds } from './seen-ids.ts';
import type { TelnyxStream } from './stream.ts';
import { Transfers } from './transfers.ts';
import type { StartMessage } from './wire.ts';

/** What is needed to answer and to dial. */
export interface CallsOptions {
  readonly host: CarrierHost;
  readonly rest: TelnyxRest;
  /** `https://gw.example.com/api/webhooks/telnyx` */
  readonly webhookUrl: string;
  /** `wss://gw.example.com/media-bridge` */
  readonly mediaUrl: string;
  readonly codec: TelnyxCodec;
  readonly streamTokenTtlMs: number;
}

/** What is needed to dial beside that. */
export interface DialSettings {
  readonly fromNumber: string;
  /** Unless the request names one. */
  readonly connectionId: string;
  readonly ringTimeoutS: number;
  readonly maxCallS: number;
}

const tokenCapacity = 10_000;
/** Calls that are over, remembered so that a late or repeated event makes none of them anew. */
const rememberedCalls = 10_000;

/** The calls of this carrier that have not ended, by `call_control_id`, and how events, streams and dials find them. */
export class TelnyxCalls implements LegKeeper {
  readonly #options: CallsOptions;
  readonly #host: CarrierHost;
  readonly #rest: TelnyxRest;
  readonly #tokens: StreamTokens<TelnyxLeg>;
  readonly #farewells: Farewells;
  readonly #legs = new Map<string, TelnyxLeg>();
  readonly #over = new SeenIds(rememberedCalls);
  readonly #dials = new Dials<TelnyxLeg>();
  readonly #transfers: Transfers;

  constructor(options: CallsOptions) {
    const { host, rest, streamTokenTtlMs } = options;
    this.#options = options;
    this.#host = host;
    this.#rest = rest;
    this.#tokens = new StreamTokens(host.clock, { lifetimeMs: streamTokenTtlMs, capacity: tokenCapacity });
    this.#farewells = new Farewells(rest, host.clock, host.log);
    this.#transfers = new Transfers(host.clock);
  }

  /** What happened to a call; one that is not of ours changes nothing. An event that comes again finds it done. */
  happened(event: CallEvent): void {
    if (event.ours?.kind === 'transfer') {
      this.#transferHappened(event.ours.id, event);
      return;
    }
    switch (event.type) {
      case 'initiated':
        if (event.incoming) this.#rings(event);
        else this.#legOf(event);
        return;
      case 'answered':
        this.#pickedUp(event);
        return;
      case 'bridged':
        this.#legOf(event)?.bridged();
        return;
      case 'hangup':
        this.#over.add(event.callControlId);
        this.#farewells.gone(event.callControlId);
        this.#transfers.forgetAllOf(event.callControlId);
        this.#legOf(event)?.hungUp(event.cause);
        return;
      case 'speak-ended':
        this.#farewells.spoken(event.callControlId);
        return;
      case 'streaming-failed':
        this.#legOf(event)?.streamingFailed(event.reason, event.streamUrl);
        return;
    }
  }

  /** Whether one of the tokens of an upgrade may claim a call. */
  knows(tokens: readonly string[]): boolean {
    return tokens.some((token) => this.#tokens.has(token));
  }

  /** The leg whose media a stream brings, or the reason to refuse the stream. */
  claim(tokens: readonly string[], start: StartMessage, stream: TelnyxStream): TelnyxLeg | PatchcordError {
    for (const token of tokens) {
      const leg = this.#tokens.redeem(token);
      if (leg !== undefined) return leg.claim(start, stream) ?? leg;
    }
    return new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID');
  }

  /** A socket with these tokens was refused before it said whose it is: the call waits for no other. */
  streamRefused(tokens: readonly string[], end: LegEnd): void {
    for (const token of tokens) this.#tokens.redeem(token)?.streamRefused(end);
  }

  /**
   * Settles when Telnyx has taken the call, which rings by then at the earliest.
   * Throws DIAL_FAILED (Telnyx says no), CARRIER_API (Telnyx can't be asked), CALL_LIMIT, DRAINING.
   */
  async dial(request: DialRequest, settings: DialSettings): Promise<DialledCall> {
    const { connection = settings.connectionId } = request;
    return this.#dials.dial(this.#host, request, settings.fromNumber, {
      ask: (dial) => this.#createCall(dial, connection, settings),
      taken: (dial, callControlId) => this.#dialledCall(dial, callControlId),
    });
  }

  newTransferId(): string {
    return newId();
  }

  async transfer(leg: TelnyxLeg, transferId: string, target: TransferTarget): Promise<boolean> {
    this.#transfers.begin(transferId, leg);
    try {
      const taken = await this.#rest.transfer(leg.carrierCallId, {
        to: target.to,
        from: target.callerId,
        targetLegClientState: writeState({ kind: 'transfer', id: transferId }),
        webhookUrl: this.#options.webhookUrl,
        commandId: transferId,
      });
      if (!taken) this.#transfers.settle(transferId);
      return taken;
    } catch (thrown) {
      const refused = thrown instanceof PatchcordError && thrown.details.status !== undefined;
      if (refused) this.#stays(this.#transfers.settle(transferId));
      else if (leg.hasEnded) this.#transfers.doubt(transferId, (lost) => this.#stays(lost));
      throw thrown;
    }
  }

  ended(leg: TelnyxLeg, aftermath: Aftermath): void {
    const { carrierCallId } = leg;
    this.#over.add(carrierCallId);
    this.#tokens.revoke(leg);
    if (this.#legs.get(carrierCallId) === leg) this.#legs.delete(carrierCallId);
    if (leg.dialId !== undefined) this.#dials.forget(leg.dialId);
    if (aftermath === 'leave') return;
    this.#transfers.forgetAllOf(carrierCallId);
    if (aftermath === 'hang-up') this.#farewells.hangUp(carrierCallId);
    if (aftermath === 'apologise') this.#farewells.begin(carrierCallId);
  }

  close(): void {
    this.#tokens.close();
    this.#farewells.close();
    for (const { carrierCallId } of this.#transfers.close()) this.#farewells.hangUp(carrierCallId);
  }

  /** Makes a call of an incoming one and has it answered; one that cannot be taken is told that the line is busy. */
  #rings(event: CallEvent & { type: 'initiated' }): void {
    const { callControlId, from, to, variables } = event;
    if (this.#legs.has(callControlId) || this.#over.has(callControlId)) return;
    const party: Party = {
      direction: 'inbound',
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      variables,
    };
    let leg: TelnyxLeg;
    try {
      leg = this.#make(callControlId, party, undefined).leg;
    } catch (thrown) {
      if (!(thrown instanceof PatchcordError)) throw thrown;
      this.#host.refused('telnyx', thrown, { callControlId });
      this.#rest.reject(callControlId).catch((failure: unknown) => {
        this.#host.log.warn(
          { callControlId, error: messageOf(failure) },
          'a call that was not admitted could not be declined',
        );
      });
      return;
    }
    leg.answered();
    // Whoever heard of the call may have hung up in the same breath.
    if (leg.isOpen) this.#own(leg, leg.pickUp());
  }

  #pickedUp(event: CallEvent): void {
    const { ours, callControlId } = event;
    const leg = this.#legOf(event);
    if (leg === undefined) {
      // We asked for this call and know nothing of it any more: nobody would speak to whoever picked up.
      if (ours?.kind === 'dial' && this.#dials.find(ours.id) === undefined)
        this.#farewells.hangUp(callControlId);
      return;
    }
    this.#rename(leg, callControlId);
    leg.answered();
    if (!leg.wantsStream) return;
    const token = this.#tokens.issue(leg);
    this.#own(leg, leg.startStream(`${this.#options.mediaUrl}?token=${token}`, token));
  }

  /** The id of a dialled call may be another one once it is answered; commands need the new one. */
  #rename(leg: TelnyxLeg, callControlId: string): void {
    if (leg.carrierCallId === callControlId) return;
    this.#legs.delete(leg.carrierCallId);
    leg.renamed(callControlId);
    this.#legs.set(callControlId, leg);
  }

  /** The leg that an event is about, which may be the first to name a call that we dialled. */
  #legOf({ callControlId, ours }: CallEvent): TelnyxLeg | undefined {
    const leg = this.#legs.get(callControlId);
    if (leg !== undefined || ours?.kind !== 'dial') return leg;
    const dial = this.#dials.find(ours.id);
    if (dial === undefined) return undefined;
    try {
      const made = this.#establish(dial, callControlId);
      // Once somebody has picked up, another id is another leg, whatever it was given to remember.
      return made.leg.carrierCallId === callControlId || made.leg.isRinging ? made.leg : undefined;
    } catch (thrown) {
      if (!(thrown instanceof PatchcordError)) throw thrown;
      this.#host.refused('telnyx', thrown, { callControlId });
      return undefined;
    }
  }

  /** An event of the leg that a transfer of ours dialled. Documentation, "Transfer call": expected webhooks. */
  #transferHappened(transferId: string, event: CallEvent): void {
    switch (event.type) {
      case 'initiated':
        this.#transfers.rings(transferId);
        return;
      case 'answered':
      case 'bridged':
        this.#transfers.settle(transferId)?.transferred();
        return;
      case 'hangup': {
        const leg = this.#transfers.settle(transferId);
        leg?.transferFailed(transferId, event.cause);
        this.#stays(leg);
      }
    }
  }

  /** The transfer came to nothing. The caller waits at Telnyx with nobody, if the leg here is gone already. */
  #stays(leg: TelnyxLeg | undefined): void {
    if (leg?.hasEnded) this.#farewells.begin(leg.carrierCallId);
  }

  async #createCall(dial: Dial<TelnyxLeg>, connectionId: string, settings: DialSettings): Promise<string> {
    const state: OurState = { kind: 'dial', id: dial.id };
    return this.#rest.createCall({
      connectionId,
      to: dial.to,
      from: dial.from,
      webhookUrl: this.#options.webhookUrl,
      clientState: writeState(state),
      commandId: dial.id,
      timeoutS: settings.ringTimeoutS,
      timeLimitS: settings.maxCallS,
    });
  }

  #dialledCall(dial: Dial<TelnyxLeg>, callControlId: string): DialledCall {
    try {
      const { callId } = this.#establish(dial, callControlId);
      return { callId, carrierCallId: callControlId };
    } catch (thrown) {
      // Not admitted after all: nobody would be there when it is answered.
      this.#farewells.hangUp(callControlId);
      throw thrown;
    }
  }

  #establish(dial: Dial<TelnyxLeg>, callControlId: string): MadeLeg<TelnyxLeg> {
    return this.#dials.establish(dial, (party) => this.#make(callControlId, party, dial));
  }

  #make(callControlId: string, party: Party, dial: Dial<TelnyxLeg> | undefined): MadeLeg<TelnyxLeg> {
    const leg = new TelnyxLeg({
      callControlId,
      dialId: dial?.id,
      party,
      codec: this.#options.codec,
      log: this.#host.log,
      rest: this.#rest,
      keeper: this,
    });
    this.#legs.set(callControlId, leg);
    try {
      const { callId } = this.#host.accept(leg, { overrides: dial?.overrides ?? {} });
      leg.named(callId);
      return { leg, callId };
    } catch (thrown) {
      this.#legs.delete(callControlId);
      throw thrown;
    }
  }

  /** What a leg does on its own cannot fail; this keeps the promise owned all the same. */
  #own(leg: TelnyxLeg, doing: Promise<void>): void {
    doing.catch((thrown: unknown) => {
      this.#host.log.error({ ...leg.logIds, error: messageOf(thrown) }, 'a leg failed');
    });
  }
}

/** 96 random bits. */
function newId(): string {
  return randomBytes(12).toString('base64url');
}
