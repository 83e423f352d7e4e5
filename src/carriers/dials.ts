import { randomBytes } from 'node:crypto';
import { PatchcordError } from '../base/errors.ts';
import type { Leg } from '../call/leg.ts';
import type { Party } from '../call/party.ts';
import type { CallOverrides, CarrierHost, DialledCall, DialRequest } from './carrier.ts';

/** The leg of a call that the gateway has taken. */
export interface MadeLeg<L extends Leg> {
  readonly leg: L;
  readonly callId: string;
}

/** An outbound call that was asked for. Whatever names it first, the REST answer or a webhook, makes the leg. */
export interface Dial<L extends Leg> {
  readonly id: string;
  readonly to: string;
  readonly from: string;
  readonly overrides: CallOverrides;
  made: MadeLeg<L> | undefined;
}

/** What a carrier does for a dial. */
export interface DialSteps<L extends Leg> {
  /** Asks the carrier to call; gives its id of the call. */
  ask(dial: Dial<L>): Promise<string>;
  /** The carrier has taken it. Throws when the gateway does not. */
  taken(dial: Dial<L>, carrierId: string): DialledCall;
}

/** The outbound calls of one carrier that were asked for and have not ended. */
export class Dials<L extends Leg> {
  readonly #dials = new Map<string, Dial<L>>();

  find(id: string): Dial<L> | undefined {
    return this.#dials.get(id);
  }

  /**
   * Settles when the carrier has taken the call, which rings by then at the earliest.
   * Throws DIAL_FAILED (the carrier says no), CARRIER_API (it can't be asked), CALL_LIMIT, DRAINING.
   */
  async dial(
    host: CarrierHost,
    { to, overrides }: DialRequest,
    from: string,
    { ask, taken }: DialSteps<L>,
  ): Promise<DialledCall> {
    const admission = host.admission();
    if (!admission.admitted) throw admission.error;
    const dial: Dial<L> = { id: newDialId(), to, from, overrides, made: undefined };
    this.#dials.set(dial.id, dial);
    try {
      return taken(dial, await ask(dial).catch(refusedByCarrier));
    } catch (thrown) {
      // The answer was lost, but a webhook has already shown that the call is there.
      if (dial.made !== undefined)
        return { callId: dial.made.callId, carrierCallId: dial.made.leg.carrierCallId };
      this.#dials.delete(dial.id);
      throw thrown;
    }
  }

  /** The leg of the dial; made now where nothing has named the call before. */
  establish(dial: Dial<L>, make: (party: Party) => MadeLeg<L>): MadeLeg<L> {
    dial.made ??= make({ direction: 'outbound', from: dial.from, to: dial.to, variables: {} });
    return dial.made;
  }

  forget(id: string): void {
    this.#dials.delete(id);
  }
}

/** What a carrier's own limit on a call leaves the agent to say goodbye. */
const goodbyeS = 60;

/** The limit that a carrier is given for a dialled call. `maxCallMs`: the engine's, 0 for none; `mostS`: the longest it takes. */
export function timeLimitS(maxCallMs: number, mostS: number): number {
  return maxCallMs === 0 ? mostS : Math.min(mostS, Math.ceil(maxCallMs / 1000) + goodbyeS);
}

/** 96 random bits. */
function newDialId(): string {
  return randomBytes(12).toString('base64url');
}

/** An answer of the carrier is its no; without one it was not asked. */
function refusedByCarrier(thrown: unknown): never {
  if (!(thrown instanceof PatchcordError) || thrown.details.status === undefined) throw thrown;
  throw new PatchcordError('PATCHCORD_DIAL_FAILED', thrown.message, { ...thrown.details }, thrown.cause);
}
