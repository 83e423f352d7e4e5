import type { AudioFormat } from '../../src/audio/format.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { Gateway } from '../../src/gateway.ts';
import type { Ear } from './ear.ts';

/** One call as the carrier has it, with a real socket to the gateway. */
export interface CarrierCall {
  /** The carrier's own id of the call, as the directory finds it; undefined where the carrier is not told. */
  readonly carrierCallId: string | undefined;
  /** What the caller hears. */
  readonly ear: Ear;
  /** Close code of the socket as the carrier saw it; undefined while it is open. */
  readonly closeCode: number | undefined;
  /** Settles with the close code. */
  readonly closed: Promise<number>;
  /** What came from the gateway that the carrier's protocol does not have. */
  readonly violations: readonly string[];
  /** Caller audio in the carrier's frames, as fast as it goes. */
  send(audio: Buffer): void;
  press(digit: string): void;
  /** The caller hangs up, as the carrier tells it. */
  hangUp(): void;
  /** The connection breaks without a goodbye. */
  lose(): void;
  /** Any frame at all. */
  raw(data: string | Buffer, binary: boolean): void;
}

export interface CarrierTraits {
  /** Of the caller's audio. Where the model has it too, bytes pass untouched and are compared as such. */
  readonly receives: AudioFormat;
  /** Of the agent's audio. */
  readonly sends: AudioFormat;
  /** The agent's audio comes in whole frames of this length: silence may follow an answer. */
  readonly frameMs?: number;
  /**
   * How the carrier tells what was played: a name for each mark, which a clear brings back or takes away; start and end
   * alone; nothing. Without names a goodbye may be cut short by `toleranceMs`.
   */
  readonly marks: 'returned' | 'dropped' | 'events' | 'none';
  /** How far what the model is told may be from what was played, for the jitter of a busy process; 60 unless set. */
  readonly toleranceMs?: number;
  /** The carrier has keys to press; otherwise why not. */
  readonly digits: true | string;
  /** The carrier drops what it has queued when told; `false`: it queues nothing, so that whoever stops sending is silent. */
  readonly clears: boolean;
  /** A connection that breaks cannot be told from a caller who hangs up. */
  readonly breaksLikeHangUp?: boolean;
  /** Close code when the gateway ends a call in order. */
  readonly goodbyeCode: number;
}

/** What a driver has set up for one gateway, before that is started. */
export interface Prepared {
  /** Settings that the gateway needs for this carrier. */
  readonly env: Readonly<Record<string, string>>;
  /** The gateway is up, and these are the carriers' own ports. */
  listening?(listeners: Gateway['listeners']): void;
  close(): Promise<void>;
}

/** Something no honest peer sends. */
export interface BadInput<Call extends CarrierCall> {
  readonly name: string;
  /** Sent in place of what begins the call, or in the middle of it. */
  readonly when: 'at-the-start' | 'live';
  readonly code: ErrorCode;
  /** How the socket is closed; `goes-on`: the call survives it. */
  readonly closes: number | 'goes-on';
  send(call: Call): void;
}

/** Something unusual that honest peers may send: its audio is taken and nobody is warned. */
export interface Oddity<Call extends CarrierCall> {
  readonly name: string;
  send(call: Call, audio: Buffer): void;
}

/** Somebody who must not get in. */
export interface Intruder<Ready extends Prepared = Prepared> {
  readonly name: string;
  readonly code: ErrorCode;
  /** The HTTP status or the close code with which it is turned away. */
  readonly turnedAway: number;
  attempt(gatewayUrl: string, changed: () => void, prepared: Ready): Promise<number>;
}

/** A carrier, written from its documentation and from nothing of the gateway's. */
export interface CarrierDriver<Call extends CarrierCall = CarrierCall, Ready extends Prepared = Prepared> {
  readonly traits: CarrierTraits;
  /** Servers of the carrier's, such as its API, and the settings of the gateway: anew for each test. */
  prepare(changed: () => void): Promise<Ready>;
  readonly badInput: readonly BadInput<Call>[];
  readonly oddities: readonly Oddity<Call>[];
  readonly intruders: readonly Intruder<Ready>[];
  /** A call up to its open socket; with `begin` false nothing was sent on it yet. */
  call(gatewayUrl: string, changed: () => void, begin: boolean, prepared: Ready): Promise<Call>;
}

/** For a carrier that has no servers: settings alone. */
export function settingsAlone(env: Readonly<Record<string, string>>): () => Promise<Prepared> {
  return () => Promise.resolve({ env, close: () => Promise.resolve() });
}
