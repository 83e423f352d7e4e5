import type { WebSocket } from 'ws';
import type { AudioChunk } from '../../audio/chunk.ts';
import type { Timeout } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { LegEnd } from '../../call/leg.ts';
import {
  closeCodes,
  MediaSocket,
  type MediaSocketHost,
  mediaSocketLimits,
  type Transport,
} from '../media-socket.ts';
import { Heartbeat } from './heartbeat.ts';
import { CallerChannel, chooseMedia } from './media.ts';
import { Outlet } from './outlet.ts';
import { Sequence } from './sequence.ts';
import {
  type BotTurn,
  type ClientMessage,
  type CloseReason,
  type Disconnect,
  type ErrorMessage,
  type MediaOffer,
  type OpenMessage,
  readMessage,
  writeMessage,
} from './wire.ts';

/** What an open session tells the leg that owns it. `sessionEnded` comes once and last. */
export interface SessionOwner {
  sessionOpened(): void;
  /** `timestampMs`: where in the caller's stream the audio begins, what was not sent to us included. */
  callerAudio(audio: AudioChunk, timestampMs: number): void;
  callerDigit(digit: string): void;
  /** `roundTripMs`: to Genesys and back, where it has measured that. */
  playbackStarted(roundTripMs: number | undefined): void;
  playbackCompleted(): void;
  /** Genesys is to be sent no audio for now (false), or may be sent it again. */
  flow(open: boolean): void;
  /** The flow has put the caller on hold (true), or he is back. */
  hold(on: boolean): void;
  sessionEnded(end: LegEnd): void;
}

export interface SessionHost extends MediaSocketHost {
  readonly log: Logger;
  /** Makes a call of the session; the error when it is not taken. */
  open(open: OpenMessage, session: GenesysSession): SessionOwner | PatchcordError;
}

export interface SessionOptions {
  /** Headers of the upgrade. */
  readonly sessionId: string;
  readonly organizationId: string;
  /** Text messages in a second. */
  readonly messagesPerSecond: number;
}

/** Milliseconds. */
const limits = {
  /** From our `disconnect` to the client's `close`. */
  disconnect: 5_000,
  /** From `closed` until the client has closed the socket. */
  linger: 5_000,
  /** A connection probe is over within this. */
  probe: 30_000,
} as const;
const nobody = '00000000-0000-0000-0000-000000000000';

/**
 * What is said on one AudioHook socket: the order of messages, the numbers on them, and how the session is opened and
 * ended. AudioHook protocol version 2, "Session walkthrough".
 */
export class GenesysSession {
  readonly #socket: MediaSocket;
  readonly #host: SessionHost;
  readonly #options: SessionOptions;
  readonly #sequence: Sequence;
  readonly #outlet: Outlet;
  readonly #heartbeat: Heartbeat;
  readonly #over = Promise.withResolvers<void>();
  #state: 'opening' | 'open' | 'probe' | 'disconnecting' | 'closed' | 'gone' = 'opening';
  #owner: SessionOwner | undefined;
  #caller: CallerChannel | undefined;
  #deadline: Timeout | undefined;

  constructor(
    socket: WebSocket,
    transport: Transport,
    options: SessionOptions,
    host: SessionHost,
    socketLimits = mediaSocketLimits,
  ) {
    this.#host = host;
    this.#options = options;
    this.#sequence = new Sequence(options.sessionId);
    this.#outlet = new Outlet({
      clock: host.clock,
      messagesPerSecond: options.messagesPerSecond,
      write: (message) => this.#socket.send(writeMessage(message, this.#sequence.next())),
      flow: (open) => this.#owner?.flow(open),
    });
    this.#heartbeat = new Heartbeat(host.clock, () => {
      this.#tellEnd({ reason: 'connection-lost' });
      this.#shut(closeCodes.policy);
    });
    this.#socket = new MediaSocket(
      socket,
      transport,
      host,
      {
        message: (data, isBinary) => this.#message(data, isBinary),
        ended: (end) => this.#gone(end),
      },
      socketLimits,
    );
  }

  /** One binary message: no more than `maxFrameMs` of audio. */
  play(audio: AudioChunk): void {
    if (this.#state === 'open') this.#socket.send(audio.bytes(), true);
  }

  /** Genesys drops what it has queued. Written when this returns. AudioHook protocol, entity `barge_in`. */
  clear(): void {
    if (this.#state !== 'open') return;
    this.#outlet.answer({ type: 'event', parameters: { entities: [{ type: 'barge_in', data: {} }] } });
  }

  /** Tells Genesys of a turn of the agent, in its turn. */
  report(turn: BotTurn): void {
    if (this.#state !== 'open') return;
    const entities = [{ type: 'bot_turn_response', data: turn }] as const;
    if (!this.#outlet.report({ type: 'event', parameters: { entities } })) this.#tooManyReports();
  }

  /**
   * Ends the session from our side; the owner is not told. Settles when the client has answered with `close`, at the
   * latest after a deadline.
   */
  disconnect(parameters: Disconnect): Promise<void> {
    this.#owner = undefined;
    this.#disconnect(parameters, closeCodes.normal);
    return this.#over.promise;
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#state === 'closed' || this.#state === 'gone') return;
    this.#heartbeat.heard();
    if (isBinary) this.#binary(data);
    else this.#text(data);
  }

  #binary(data: Buffer): void {
    if (this.#state === 'opening') {
      this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'audio before open'));
      return;
    }
    if (this.#state !== 'open' || this.#caller === undefined) return;
    const startMs = this.#caller.positionMs;
    const audio = this.#caller.take(data);
    if (audio !== undefined) this.#owner?.callerAudio(audio, startMs);
  }

  #text(data: Buffer): void {
    const { envelope, message } = readMessage(data);
    const wrong = this.#sequence.received(envelope);
    // One who was told to leave may be out of step: all that is wanted of him is his `close`.
    if (wrong !== undefined && this.#state !== 'disconnecting') {
      this.#refuse(wrong);
    } else if (message.type === 'malformed') this.#socket.malformed(message.error);
    else this.#handle(message);
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'ping':
        this.#heartbeat.pinged(message.roundTripMs);
        this.#outlet.answer({ type: 'pong', parameters: {} });
        if (this.#state === 'open') this.#heartbeat.watch();
        return;
      case 'close':
        this.#close(message.reason);
        return;
      case 'error':
        this.#error(message);
        return;
      case 'unknown':
      case 'malformed':
        return;
      default:
        if (this.#state === 'opening') this.#opening(message);
        else if (this.#state === 'open') this.#live(message);
    }
  }

  #opening(message: ClientMessage): void {
    if (message.type === 'open') this.#open(message);
    else this.#socket.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', `${message.type} before open`));
  }

  /** "open": answered at once, for Genesys waits no longer than 5 s; the model connects meanwhile. */
  #open(open: OpenMessage): void {
    if (open.organizationId !== this.#options.organizationId) {
      const error = new PatchcordError('PATCHCORD_CALL_MISMATCH', 'Invalid organization specified.');
      this.#refuse(error, 'unauthorized');
      return;
    }
    // "Connection probe": nobody is on the line.
    if (open.conversationId === nobody && open.participant.id === nobody) {
      this.#state = 'probe';
      this.#opened(open, []);
      this.#arm(limits.probe, () => this.#disconnect({ reason: 'completed' }, closeCodes.normal));
      return;
    }
    const media = chooseMedia(open.media);
    if (media === undefined) {
      this.#refuse(new PatchcordError('PATCHCORD_AUDIO_FORMAT', 'No supported format found'));
      return;
    }
    this.#makeCall(open, media);
  }

  #makeCall(open: OpenMessage, media: MediaOffer): void {
    const owner = this.#host.open(open, this);
    if (owner instanceof PatchcordError) {
      this.#refuse(owner);
      return;
    }
    // The call may have given up in the same breath.
    if (this.#state !== 'opening') return;
    this.#owner = owner;
    this.#caller = new CallerChannel(media);
    this.#state = 'open';
    this.#opened(open, [media]);
    owner.sessionOpened();
  }

  #opened(open: OpenMessage, media: readonly MediaOffer[]): void {
    this.#socket.opened();
    const { language, asksLanguages } = open;
    const supportedLanguages = language === undefined ? [] : [language];
    this.#outlet.answer({
      type: 'opened',
      parameters: {
        startPaused: false,
        media: media.map(({ offered }) => offered),
        ...(asksLanguages ? { supportedLanguages } : {}),
      },
    });
  }

  #live(message: Exclude<ClientMessage, { readonly type: 'ping' | 'close' | 'error' }>): void {
    switch (message.type) {
      case 'open':
        this.#refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'The session is open already.'));
        return;
      case 'discarded':
      case 'resumed':
        if (message.type === 'resumed') this.#owner?.hold(false);
        this.#caller?.discarded(message.startMs, message.discardedMs);
        return;
      case 'update':
        this.#outlet.answer({ type: 'updated', parameters: {} });
        return;
      case 'dtmf':
        this.#owner?.callerDigit(message.digit);
        return;
      case 'playback_started':
        this.#owner?.playbackStarted(this.#heartbeat.roundTripMs);
        return;
      case 'playback_completed':
        this.#owner?.playbackCompleted();
        return;
      case 'paused':
        this.#owner?.hold(true);
        return;
      case 'unknown':
      case 'malformed':
        return;
    }
  }

  /** "error": said for our information; when it is fatal, `close` follows. */
  #error({ code, retryAfterMs }: ErrorMessage): void {
    if (this.#state === 'disconnecting' && code === 429) this.#dropped(this.#outlet.close());
    if (this.#state !== 'open') return;
    if (code !== 429) {
      // What it says in words may name people.
      this.#host.log.info({ sessionId: this.#options.sessionId, status: code }, 'Genesys reports an error');
      return;
    }
    const error = new PatchcordError('PATCHCORD_CARRIER_LIMIT', undefined, { retryAfterMs });
    if (this.#outlet.complained(retryAfterMs, this.#heartbeat.roundTripMs ?? 0)) {
      this.#host.refused(error, { closed: false });
    } else this.#fail(error);
  }

  /** The call that gives us all this must not end while it does. */
  #tooManyReports(): void {
    this.#arm(0, () =>
      this.#fail(new PatchcordError('PATCHCORD_CARRIER_LIMIT', 'Too much text waits for Genesys')),
    );
  }

  /** "close": answered at once. The client then closes the socket, or we do when it takes too long. */
  #close(reason: CloseReason): void {
    this.#outlet.answer({ type: 'closed', parameters: {} });
    this.#socket.opened();
    this.#release('closed');
    this.#arm(limits.linger, () => this.#shut(closeCodes.normal));
    this.#tellEnd({ reason: reason === 'error' ? 'failed' : 'hung-up' });
    this.#over.resolve();
  }

  /** Ends the session because of what the client did. */
  #refuse(error: PatchcordError, reason: 'error' | 'unauthorized' = 'error'): void {
    this.#host.refused(error, { closed: true, closeCode: closeCodes.policy });
    this.#disconnect({ reason, info: error.message }, closeCodes.policy);
    this.#tellEnd({ reason: 'protocol-error', error });
  }

  /** Ends the session because Genesys does not take what has to be sent. */
  #fail(error: PatchcordError): void {
    this.#host.refused(error, { closed: true });
    this.#disconnect({ reason: 'error', info: 'Rate limit max retries exceeded' }, closeCodes.normal);
    this.#tellEnd({ reason: 'failed', error });
  }

  /** "disconnect": the client answers with `close`. `closeCode`: for one that does not. */
  #disconnect(parameters: Disconnect, closeCode: number): void {
    if (this.#state === 'disconnecting' || this.#state === 'closed' || this.#state === 'gone') return;
    this.#outlet.answer({ type: 'disconnect', parameters });
    this.#socket.opened();
    this.#release('disconnecting');
    this.#arm(limits.disconnect, () => this.#shut(closeCode));
  }

  /** No more audio; reports that wait for their turn still leave, until the client's `close`. */
  #release(state: 'disconnecting' | 'closed' | 'gone'): void {
    this.#state = state;
    if (state === 'disconnecting') this.#dropped(this.#outlet.finish());
    else this.#outlet.close();
    this.#heartbeat.stop();
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  #dropped(reports: number): void {
    if (reports === 0) return;
    const { sessionId } = this.#options;
    this.#host.log.info(
      { sessionId, reports },
      'Genesys takes no reports now: those that waited were dropped',
    );
  }

  /** The client has not closed the socket in time. */
  #shut(closeCode: number): void {
    this.#release('gone');
    this.#socket.close(closeCode).then(this.#over.resolve, this.#over.resolve);
  }

  /** The socket is lost, or was closed because of what came on it. */
  #gone(end: LegEnd): void {
    this.#release('gone');
    this.#tellEnd(end);
    this.#over.resolve();
  }

  #tellEnd(end: LegEnd): void {
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.sessionEnded(end);
  }

  #arm(delayMs: number, callback: () => void): void {
    this.#deadline?.cancel();
    this.#deadline = this.#host.clock.setTimeout(callback, delayMs);
  }
}
