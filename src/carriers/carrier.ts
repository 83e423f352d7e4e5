import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../base/clock.ts';
import type { PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Leg } from '../call/leg.ts';
import type { Tool } from '../call/tools.ts';

/** What may differ from the default agent in one call. */
export interface CallOverrides {
  /** The text, or what to make of the default agent's. */
  readonly instructions?: string | ((standing: string) => string);
  readonly voice?: string;
  readonly greeting?: string;
  /** BCP 47 language of the caller's speech, for the transcription. */
  readonly language?: string;
  /** The model's name. */
  readonly model?: string;
  readonly maxOutputTokens?: number | 'inf';
  /** The silence that ends the caller's turn, milliseconds. */
  readonly turnSilenceMs?: number;
  /** Tools that this call has beside those of every call. */
  readonly tools?: readonly Tool[];
}

/** What a carrier adds to a call. */
export interface CallExtras {
  readonly overrides?: CallOverrides;
  /** Tools that only this carrier's calls have; one takes the place of a built-in tool of the same name. */
  readonly tools?: readonly Tool[];
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
  accept(leg: Leg, extras?: CallExtras): AcceptedCall;
  /**
   * What the sources of instructions say about this very call, asked with the carrier's id of it. Takes no longer than
   * the sources' own deadlines and never rejects.
   */
  lookUp(carrierCallId: string): Promise<CallOverrides>;
  /** Counts and logs a refused or malformed peer; shown in the metrics by code. */
  refused(carrier: string, error: PatchcordError, fields?: Readonly<Record<string, unknown>>): void;
}

/** What of the gateway decides, beside a carrier's settings, whether it can dial. */
export type DialHost = Pick<CarrierHost, 'publicUrl' | 'allowsUnsigned'>;

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
      /** What stands in `WWW-Authenticate`, for a peer that may send its credentials only when it is asked for them. */
      readonly challenge?: string;
      /** How long the answer is held back, so that nobody learns from its time what was wrong. */
      readonly delayMs?: number;
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

/** An HTTP exchange whose bodies are streams; it may last as long as a call. */
export interface StreamRoute {
  readonly path: string;
  readonly method: 'POST';
  /** Owns both from here. Reports a refusal to `CarrierHost.refused` itself. */
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** A port of a carrier's own, beside the gateway's. It listens on the gateway's address. */
export type Listener =
  | {
      readonly kind: 'http';
      readonly name: string;
      readonly port: number;
      readonly sockets: readonly SocketRoute[];
      readonly streams: readonly StreamRoute[];
    }
  | {
      readonly kind: 'tcp';
      readonly name: string;
      readonly port: number;
      /** Owns the connection from here. */
      connect(socket: Socket): void;
    };

export interface DialRequest {
  /** E.164. */
  readonly to: string;
  readonly overrides: CallOverrides;
  /** The carrier's id of the connection or trunk to dial through, where it has several. */
  readonly connection?: string;
}

/** A call that somebody says will come: it is taken wherever it comes from, and is what was said of it. */
export interface Announcement {
  /** The carrier's id of the call. */
  readonly carrierCallId: string;
  readonly from?: string;
  readonly to?: string;
  readonly variables: Readonly<Record<string, string>>;
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
  readonly streams?: readonly StreamRoute[];
  readonly listeners?: readonly Listener[];
  /** Expects a call for a while. Undefined: the carrier knows no announced calls. */
  announce?(announcement: Announcement): void;
  /** Undefined: the carrier cannot dial, or is not configured to; `dialMissing` then names the settings. */
  dial?(request: DialRequest): Promise<DialledCall>;
  readonly dialMissing: readonly string[];
  /** The settings without which no call comes in; empty: it is set up for calls. */
  readonly inboundMissing: readonly string[];
  /** Closes what belongs to no call: timers, tokens, listeners. */
  close(): void;
}
