import type { NetworkOptions } from '../network.ts';
import type { CallerStep } from '../phone/caller.ts';
import type { PhoneCallRecord } from '../phone/line-record.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import type { CommandBody, TelnyxAction } from './commands.ts';
import type { TelnyxWireOptions } from './wire.ts';

export interface TelnyxCallOptions {
  readonly from?: string;
  readonly to?: string;
  readonly direction?: 'incoming' | 'outgoing';
  readonly steps?: readonly CallerStep[];
  readonly background?: 'silence' | 'noise';
  readonly network?: NetworkOptions;
  readonly seed?: number;
  readonly player?: MediaPlayerOptions;
  /** The caller hangs up this long after the answer; 120 s unless set. */
  readonly maxCallMs?: number;
  /** The caller hangs up when nobody answers within this; 30 s unless set. */
  readonly maxRingMs?: number;
  /** Codec of the telephone line: PCMA in Europe and much of Asia. */
  readonly codec?: 'PCMU' | 'PCMA';
  readonly byteOrder?: TelnyxWireOptions['byteOrder'];
  /** How long a `speak` lasts; 300 ms unless set. */
  readonly speakMs?: number;
  /** The dial that made an outgoing call. */
  readonly dial?: CommandBody;
}

/** A command that was taken. */
export interface TakenCommand {
  readonly action: TelnyxAction;
  readonly body: CommandBody;
}

export interface TelnyxCallRecord extends PhoneCallRecord {
  readonly callControlId: string;
  /** As `call.hangup` tells it: `normal_clearing`, `call_rejected`, `user_busy`, ... */
  readonly hangupCause: string;
  readonly hangupSource: 'caller' | 'callee';
  readonly commands: readonly TakenCommand[];
  /** Oddities that did not stop the call: fields that a command does not have, events that were not taken. */
  readonly notices: readonly string[];
  readonly spoken: readonly string[];
  readonly digits: string;
  readonly transferredTo: string | undefined;
}
