import type { ErrorCode } from '../base/errors.ts';
import type { CallEvent, CallSnapshot } from '../call/events.ts';

/** What the gateway answers to programs and to the console; times and names as in `CallSnapshot`. */

/** `GET /v1/status` */
export interface StatusReply {
  readonly version: string;
  readonly model: {
    readonly name: string;
    /** True: no model is configured and the built-in demo voice answers. */
    readonly demo: boolean;
  };
  readonly carriers: readonly CarrierStatus[];
  /** True: shutting down; live calls go on, new ones are refused. */
  readonly draining: boolean;
  readonly liveCalls: number;
  readonly maxCalls: number;
}

export interface CarrierStatus {
  readonly name: string;
  /** Set up for calls that come in. */
  readonly takesCalls: boolean;
  /** The settings without which no call comes in over this carrier. */
  readonly missingForCalls: readonly string[];
  readonly canDial: boolean;
  /** The settings without which this carrier cannot dial; empty where it can or never could. */
  readonly missing: readonly string[];
}

/** `GET /v1/calls` */
export interface CallsReply {
  readonly calls: readonly CallSnapshot[];
}

/** `GET /v1/calls/:id` */
export interface CallReply {
  readonly call: CallSnapshot;
}

/** `POST /v1/calls` */
export interface DialBody {
  /** E.164. */
  readonly to: string;
  /** Undefined: the first carrier that can dial. */
  readonly carrier?: string;
  /** The carrier's id of the connection or trunk to dial through, where it has several. */
  readonly connection?: string;
  readonly instructions?: string;
  readonly voice?: string;
  readonly greeting?: string;
}

/** 201 to `POST /v1/calls` */
export interface DialReply {
  readonly callId: string;
  readonly carrierCallId: string;
}

/** `POST /v1/calls/:id/transfer` */
export interface TransferBody {
  /** E.164. */
  readonly to: string;
  /** Shown to who is called, E.164; undefined: as the carrier has it. */
  readonly callerId?: string | undefined;
}

/** 200 to `POST /v1/calls/:id/transfer` */
export interface TransferReply {
  readonly transferred: boolean;
  /** Why it was not. */
  readonly detail?: string;
}

/** `POST /v1/calls/:id/say` */
export interface SayBody {
  /** What the agent says, word for word. */
  readonly text: string;
}

/** `POST /v1/calls/:id/digits` */
export interface DigitsBody {
  /** Keys `0`-`9`, `*`, `#`, `A`-`D` that are pressed towards the other side. */
  readonly digits: string;
}

/** `POST /v1/announcements`: a call that will come. */
export interface AnnouncementBody {
  readonly carrier: string;
  /** The carrier's id of the call, such as the UUID of an AudioSocket. */
  readonly id: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly instructions?: string | undefined;
  readonly voice?: string | undefined;
  readonly greeting?: string | undefined;
}

/** 200 to `POST /v1/calls/:id/hangup`, `.../interrupt`, `.../say` and `.../digits`; 201 to `POST /v1/announcements` */
export type EmptyReply = Readonly<Record<string, never>>;

/** The body of every reply of 400 and above. */
export interface ErrorReply {
  /** For people. */
  readonly error: string;
  readonly code: ErrorCode;
  /** The setting, or settings, that refused. */
  readonly setting?: string;
  /** What the carrier said of a call that it did not make. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** `WS /v1/events`, one JSON text message each: the snapshot first, then every event of every call as it happens. */
export type EventsMessage =
  | { readonly type: 'snapshot'; readonly calls: readonly CallSnapshot[] }
  | CallEvent;
