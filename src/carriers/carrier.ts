import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Clock } from '../base/clock.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Leg } from '../call/leg.ts';

/** What may differ from the default agent in one call. */
export interface CallOverrides {
  readonly instructions?: string;
  readonly voice?: string;
  readonly greeting?: string;
}

/** A call that the gateway has taken: its own id, beside the carrier's. */
export interface AcceptedCall {
  readonly callId: string;
}

/** What the gateway does for a carrier. */
export interface CarrierHost {
  readonly clock: Clock;
  readonly log: Logger;
  /** Origin as carriers reach us, e.g. `https://gw.example.com`, without a trailing slash; undefined: not configured. */
  readonly publicUrl: string | undefined;
  /** True: the signatures of this carrier are not checked (PATCHCORD_ALLOW_UNSIGNED). */
  allowsUnsigned(carrier: string): boolean;
  /** Whether a new call would be taken now; asked before the carrier is told to open media. */
  admission(): { readonly admitted: true } | { readonly admitted: false; readonly error: PatchcordError };
  /** Makes a call of the leg. Throws a PatchcordError (CALL_LIMIT, DRAINING) when it is not admitted. */
  accept(leg: Leg, overrides?: CallOverrides): AcceptedCall;
  /** Counts and logs a refused or malformed peer; shown in the metrics by code. */
  refused(carrier: string, error: PatchcordError, fields?: Readonly<Record<string, unknown>>): void;
}

/** Parameters by name; a repeated name keeps all its values, in order. */
export type Params = ReadonlyMap<string, readonly string[]>;

/** A webhook as it came in. Signatures cover bytes, so the target and the body are here untouched. */
export interface WebhookRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query exactly as received, e.g. `/incoming-call?tenant=a`. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly rawBody: Buffer;
  readonly query: Params;
  /** Fields of a form body; empty for any other body. */
  readonly form: Params;
  /** The parsed JSON body; undefined for any other body, or one that is not JSON. */
  readonly json: unknown;
}

export interface WebhookReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** A webhook that the carrier calls. Several carriers may share a path; the first that recognises the request answers. */
export interface WebhookRoute {
  readonly path: string;
  readonly methods: readonly ('GET' | 'POST')[];
  /** Told from the parameters and the headers; says nothing about whether the request is genuine. */
  recognises(request: WebhookRequest): boolean;
  /** Checks the signature itself; what it throws becomes a 500. */
  handle(request: WebhookRequest): WebhookReply | Promise<WebhookReply>;
}

/** Decision about a WebSocket upgrade. */
export type UpgradeDecision =
  | { readonly accept: true }
  | {
      readonly accept: false;
      readonly status: 400 | 401 | 403 | 404 | 429 | 503;
      readonly error: PatchcordError;
    };

/** A WebSocket address. Several carriers may share a path; see `recognises`. */
export interface SocketRoute {
  readonly path: string;
  /** True: every address below the path too. */
  readonly below?: boolean;
  /** Largest message in bytes; larger ones close the socket with 1009. */
  readonly maxPayloadBytes: number;
  /** Whether this upgrade is for this carrier, told from the request alone. */
  recognises(request: IncomingMessage): boolean;
  /** Reports a refusal to `CarrierHost.refused` itself. */
  authorize(request: IncomingMessage): UpgradeDecision;
  /** The socket is open and has no listeners yet; the carrier owns it from here. */
  connect(socket: WebSocket, request: IncomingMessage): void;
}

export interface DialRequest {
  /** E.164. */
  readonly to: string;
  readonly overrides: CallOverrides;
}

export interface DialledCall {
  readonly callId: string;
  /** The carrier's own id. */
  readonly carrierCallId: string;
}

/** What a carrier brings. */
export interface Carrier {
  readonly name: string;
  readonly webhooks: readonly WebhookRoute[];
  readonly sockets: readonly SocketRoute[];
  /** Undefined: the carrier cannot dial, or is not configured to; `dialMissing` then names the settings. */
  dial?(request: DialRequest): Promise<DialledCall>;
  readonly dialMissing: readonly string[];
  /** Closes what belongs to no call: timers, tokens, listeners. */
  close(): void;
}
