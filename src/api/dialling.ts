import type { Clock } from '../base/clock.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { CallObserver } from '../call/events.ts';
import type { TransferTarget } from '../call/leg.ts';
import type { CarrierStatus } from './contract.ts';
import { e164, expectedNumber, isCovered } from './phone-number.ts';

/** What may differ from the default agent in one call. */
export interface OutboundOverrides {
  readonly instructions?: string;
  readonly voice?: string;
  readonly greeting?: string;
  /** The silence that ends the caller's turn, milliseconds. */
  readonly turnSilenceMs?: number;
}

export interface OutboundCall {
  readonly callId: string;
  readonly carrierCallId: string;
}

/** What a carrier's status says of dialling. */
export type DialStatus = Pick<CarrierStatus, 'name' | 'canDial' | 'missing'>;

/** What dialling needs of a carrier. */
export interface Dialler {
  readonly name: string;
  /** Settings without which `dial` is not there. */
  readonly dialMissing: readonly string[];
  /** Settles within a deadline of its own. */
  dial?(request: {
    readonly to: string;
    readonly overrides: OutboundOverrides;
    readonly connection?: string;
  }): Promise<OutboundCall>;
}

export type Admission =
  | { readonly admitted: true }
  | { readonly admitted: false; readonly error: PatchcordError };

export interface DiallingOptions {
  readonly clock: Clock;
  /** In the order of preference. */
  readonly carriers: readonly Dialler[];
  /** Number prefixes in E.164; empty: nothing may be dialled. */
  readonly allow: readonly string[];
  readonly maxConcurrent: number;
  readonly maxPerMinute: number;
  /** Whether the gateway would take one more call. */
  admission(): Admission;
  /** Tells the events of all calls, until the returned function is called. */
  observe(observer: CallObserver): () => void;
}

const minuteMs = 60_000;

/** The gate before every outbound call. It stays shut until the settings open it; a refusal names the setting. */
export class Dialling {
  readonly #options: DiallingOptions;
  readonly #stop: () => void;
  /** When the calls of the last minute were begun, oldest first; never longer than the cap. */
  readonly #begun: number[] = [];
  /** Outbound calls that were dialled here and have not ended. */
  readonly #live = new Set<string>();
  /** For each dial that a carrier has not answered yet, the calls that ended meanwhile: one may be the one being dialled. */
  readonly #dialling = new Set<Set<string>>();

  constructor(options: DiallingOptions) {
    this.#options = options;
    this.#stop = options.observe((event) => {
      if (event.type !== 'call.ended') return;
      this.#live.delete(event.callId);
      for (const endedMeanwhile of this.#dialling) endedMeanwhile.add(event.callId);
    });
  }

  /** Outbound calls that count against the cap: being dialled, ringing or live. */
  get concurrent(): number {
    return this.#live.size + this.#dialling.size;
  }

  carriers(): DialStatus[] {
    const { allow, carriers } = this.#options;
    return carriers.map((carrier) => {
      const able = carrier.dial !== undefined;
      const everCould = able || carrier.dialMissing.length > 0;
      const missing = everCould ? missingOf(carrier, allow) : [];
      return { name: carrier.name, canDial: able && missing.length === 0, missing };
    });
  }

  /**
   * Throws PATCHCORD_REQUEST_INVALID, PATCHCORD_DIAL_NOT_CONFIGURED, PATCHCORD_DIAL_NOT_ALLOWED, PATCHCORD_DIAL_LIMIT
   * (`details.setting` names what refused), what the admission says, or PATCHCORD_DIAL_FAILED.
   */
  async dial(
    to: string,
    overrides: OutboundOverrides = {},
    carrierName?: string,
    connection?: string,
  ): Promise<OutboundCall & { readonly carrier: string }> {
    const number = numberIn('to', to);
    const carrier = this.#carrier(carrierName);
    this.#checkNumber(number);
    const admission = this.#options.admission();
    if (!admission.admitted) throw admission.error;
    this.#takePlace();
    const endedMeanwhile = new Set<string>();
    this.#dialling.add(endedMeanwhile);
    try {
      const call = await carrier.dial({
        to: number,
        overrides,
        ...(connection === undefined ? {} : { connection }),
      });
      if (!endedMeanwhile.has(call.callId)) this.#live.add(call.callId);
      return { callId: call.callId, carrierCallId: call.carrierCallId, carrier: carrier.name };
    } catch (thrown) {
      throw thrown instanceof PatchcordError
        ? thrown
        : new PatchcordError('PATCHCORD_DIAL_FAILED', undefined, { cause: messageOf(thrown) }, thrown);
    } finally {
      this.#dialling.delete(endedMeanwhile);
    }
  }

  /**
   * The numbers of a transfer in E.164, past the same gate as a dial: the allow-list and the cap on calls in a minute.
   * Throws PATCHCORD_REQUEST_INVALID, PATCHCORD_DIAL_NOT_ALLOWED, PATCHCORD_DIAL_LIMIT.
   */
  transferTarget(to: string, callerId?: string): TransferTarget {
    const number = numberIn('to', to);
    const shown = callerId === undefined ? undefined : numberIn('callerId', callerId);
    this.#checkNumber(number);
    this.#countBegun();
    return { to: number, ...(shown === undefined ? {} : { callerId: shown }) };
  }

  close(): void {
    this.#stop();
  }

  #carrier(name: string | undefined): Required<Dialler> {
    const { carriers, allow } = this.#options;
    const candidates = name === undefined ? carriers : carriers.filter((each) => each.name === name);
    const able = candidates.find(canDial);
    if (able) return able;
    if (name !== undefined && candidates.length === 0) {
      throw new PatchcordError('PATCHCORD_REQUEST_INVALID', 'carrier: there is no carrier of this name.');
    }
    const [closest] = candidates
      .filter((each) => each.dialMissing.length > 0)
      .toSorted((one, other) => one.dialMissing.length - other.dialMissing.length);
    if (!closest) {
      const who = name === undefined ? 'No carrier here' : `The carrier ${name}`;
      const verb = name === undefined ? 'can' : 'cannot';
      throw new PatchcordError('PATCHCORD_DIAL_NOT_CONFIGURED', `${who} ${verb} dial.`);
    }
    const setting = missingOf(closest, allow).join(', ');
    throw new PatchcordError(
      'PATCHCORD_DIAL_NOT_CONFIGURED',
      `To dial through ${closest.name}, set ${setting}.`,
      { carrier: closest.name, setting },
    );
  }

  #checkNumber(number: string): void {
    const { allow } = this.#options;
    if (isCovered(number, allow)) return;
    const message =
      allow.length === 0
        ? 'No number may be dialled: PATCHCORD_DIAL_ALLOW is not set.'
        : 'This number is not covered by PATCHCORD_DIAL_ALLOW (premium numbers, and countries within +1, need a prefix of their own).';
    throw new PatchcordError('PATCHCORD_DIAL_NOT_ALLOWED', message, { setting: 'PATCHCORD_DIAL_ALLOW' });
  }

  #takePlace(): void {
    const { maxConcurrent } = this.#options;
    if (this.concurrent >= maxConcurrent) {
      throw limit('PATCHCORD_DIAL_MAX_CONCURRENT', `${maxConcurrent} outbound calls at one time`);
    }
    this.#countBegun();
  }

  #countBegun(): void {
    const { clock, maxPerMinute } = this.#options;
    const now = clock.now();
    while (this.#begun[0] !== undefined && now - this.#begun[0] >= minuteMs) this.#begun.shift();
    if (this.#begun.length >= maxPerMinute) {
      throw limit('PATCHCORD_DIAL_MAX_PER_MINUTE', `${maxPerMinute} outbound calls within a minute`);
    }
    this.#begun.push(now);
  }
}

/** Everything that a dial through the carrier lacks, so that nobody is sent for one setting after the other. */
function missingOf({ dialMissing }: Dialler, allow: readonly string[]): string[] {
  return [...dialMissing, ...(allow.length === 0 ? ['PATCHCORD_DIAL_ALLOW'] : [])];
}

function numberIn(field: string, text: string): string {
  const number = e164(text);
  if (number !== undefined) return number;
  throw new PatchcordError('PATCHCORD_REQUEST_INVALID', `${field}: ${expectedNumber}`);
}

function canDial(carrier: Dialler): carrier is Required<Dialler> {
  return carrier.dial !== undefined;
}

function limit(setting: string, what: string): PatchcordError {
  return new PatchcordError('PATCHCORD_DIAL_LIMIT', `The limit of ${what} is reached (${setting}).`, {
    setting,
  });
}
