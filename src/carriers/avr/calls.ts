import { randomUUID } from 'node:crypto';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { Party } from '../../call/party.ts';
import type { CallOverrides, CarrierHost } from '../carrier.ts';
import type { AmiHelper } from './ami.ts';
import type { EarlyMedia } from './early-media.ts';
import { AvrLeg, type AvrMedia } from './leg.ts';
import { avrTools } from './tools.ts';

/** A call as avr-core brings it. */
export interface BroughtCall {
  /** Undefined: avr-core gave none. */
  readonly uuid: string | undefined;
  readonly party: Party;
  readonly media: AvrMedia;
  readonly early: EarlyMedia;
}

/** Makes calls of what avr-core brings, however it brings it. */
export class AvrCalls {
  readonly #host: CarrierHost;
  readonly #ami: AmiHelper;

  constructor(host: CarrierHost, ami: AmiHelper) {
    this.#host = host;
    this.#ami = ami;
  }

  /** The leg, of which a call is made once the sources of instructions have answered; or why there is to be none. */
  take(brought: BroughtCall): AvrLeg | PatchcordError {
    const { clock, log } = this.#host;
    const admission = this.#host.admission();
    if (!admission.admitted) return admission.error;
    const leg = new AvrLeg({ ...brought, madeId: randomUUID(), ami: this.#ami, clock, log });
    this.#bringIn(leg).catch((thrown: unknown) => {
      log.error(
        { code: 'PATCHCORD_INTERNAL', uuid: leg.carrierCallId, error: messageOf(thrown) },
        'a call could not be made',
      );
      leg.refuse(new PatchcordError('PATCHCORD_INTERNAL'));
    });
    return leg;
  }

  async #bringIn(leg: AvrLeg): Promise<void> {
    const overrides = await this.#lookUp(leg.carrierCallId);
    // The caller may have hung up meanwhile.
    if (!leg.isOpen) return;
    let callId: string;
    try {
      ({ callId } = this.#host.accept(leg, { overrides, tools: avrTools(leg) }));
    } catch (thrown) {
      if (!(thrown instanceof PatchcordError)) throw thrown;
      this.#host.refused('avr', thrown, { uuid: leg.carrierCallId });
      leg.refuse(thrown);
      return;
    }
    leg.start(callId);
  }

  /** Bounded by the deadlines of the sources themselves; one that breaks all the same costs no call. */
  async #lookUp(uuid: string): Promise<CallOverrides> {
    try {
      return await this.#host.lookUp(uuid);
    } catch (thrown) {
      this.#host.log.error(
        { code: 'PATCHCORD_INTERNAL', uuid, error: messageOf(thrown) },
        'a look-up failed',
      );
      return {};
    }
  }
}
