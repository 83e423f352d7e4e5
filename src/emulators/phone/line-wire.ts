import type { AudioFormat } from '../../audio/format.ts';
import type { MarkReturn } from './media-player.ts';

/** What is sent over a line: text, or bytes in a binary message (on TCP and HTTP: bytes alone). */
export type LineFrame = string | Buffer;

/** What a gateway asks of the carrier with one message, or does wrong. */
export type LineCommand =
  /** Whole samples in the format that the wire `hears`. */
  | { readonly do: 'play'; readonly audio: Buffer }
  | { readonly do: 'mark'; readonly name: string }
  | { readonly do: 'clear' }
  /** Keys towards the caller. */
  | { readonly do: 'digits'; readonly digits: string }
  /** The gateway has accepted: the caller's audio may flow. Only where the wire `awaitsGateway`. */
  | { readonly do: 'ready' }
  /** The carrier's own answer, such as a pong. */
  | { readonly do: 'answer'; readonly frame: LineFrame }
  /** The gateway ends the call: the carrier says its last and closes. */
  | { readonly do: 'hang-up' }
  /** The gateway's answer to the carrier's last words, where the wire `awaitsGoodbye`. */
  | { readonly do: 'goodbye' }
  /** `fatal`: the carrier breaks the connection because of it. */
  | { readonly do: 'violation'; readonly kind: string; readonly detail: string; readonly fatal?: boolean };

/** What the carrier may tell the gateway of its playing; each wire knows those that its protocol has. */
export type Acknowledgement =
  | { readonly type: 'mark'; readonly name: string; readonly how: MarkReturn }
  /** Something sounds after silence. */
  | { readonly type: 'started' }
  /** All that was queued was played. */
  | { readonly type: 'completed' }
  /** The gateway's `clear` was obeyed. */
  | { readonly type: 'cleared' };

/**
 * The media protocol of one carrier, seen from the carrier, for one line: bytes to commands and back. It holds
 * counters at most: no input or output, no timers, and it never throws whatever the gateway sends.
 */
export interface LineWire {
  /** Of the caller's audio. */
  readonly speaks: AudioFormat;
  /** Of the gateway's audio. */
  readonly hears: AudioFormat;
  readonly marksOnClear?: 'returned' | 'dropped';
  /** The gateway fills the agent's pauses with silence: only what is not silence to the last bit counts as the agent's. */
  readonly fillsSilence?: boolean;
  /** The gateway can clear nothing and sends nothing where the agent pauses: it is silent when its audio runs dry. */
  readonly runsDry?: boolean;
  /** The caller's audio waits for the command `ready`. */
  readonly awaitsGateway?: boolean;
  /** The carrier closes only when the command `goodbye` has come, or 5 s after its last words. */
  readonly awaitsGoodbye?: boolean;

  /** What the carrier says first. */
  opening(): readonly LineFrame[];
  /**
   * 20 ms of the caller. `slot` counts them from 1, those that were never sent included: `frame` ends `slot` times 20 ms
   * after the media began. Undefined where the wire gathers frames to longer ones.
   */
  audio(frame: Buffer, slot: number): LineFrame | undefined;
  /** The caller presses a key; undefined where the protocol has none. */
  digit(digit: string): LineFrame | undefined;
  acknowledge(what: Acknowledgement): LineFrame | undefined;
  /** The carrier's last words. */
  closing(by: 'caller' | 'carrier' | 'gateway'): readonly LineFrame[];
  /** One message of the gateway; on a stream of bytes, whatever came. */
  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[];
}

/** How a line reaches the gateway: a socket, or a function call in virtual time. */
export interface LineTransport {
  send(frame: LineFrame): void;
  /** Closes in order, after everything that was sent. */
  close(): void;
  /** Loses the connection without a goodbye. */
  destroy(): void;
  /** Bytes that were sent but not yet taken by the peer. */
  bufferedBytes?(): number;
}
