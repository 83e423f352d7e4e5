import type { AudioChunk } from '../../audio/chunk.ts';
import type { AudioFormat } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type {
  AudioSink,
  Interruption,
  ModelCapabilities,
  ModelEvents,
  ModelSession,
  ResponseRequest,
  SessionOptions,
} from '../../call/model-session.ts';
import { Answers } from './answers.ts';
import { describeFault, fatalError, isRace, setupError } from './faults.ts';
import { type LinkEvents, ModelLink } from './link.ts';
import {
  chooseFormat,
  type OpenAiRealtimeSettings,
  type RealtimeProfile,
  type TurnDetectionSettings,
} from './profiles.ts';
import type { ServerFault, ServerMessage, ServerSession } from './server-events.ts';
import {
  detectionFor,
  historyEvent,
  sessionConfig,
  turnDetection,
  wireFormatName,
} from './session-config.ts';
import type { ConnectSocket } from './socket.ts';
import type { ClientEvent } from './wire.ts';

export interface SessionParts {
  readonly settings: OpenAiRealtimeSettings;
  readonly profile: RealtimeProfile;
  /** The socket's address for a model. */
  url(model: string): string;
  readonly connect: ConnectSocket;
  readonly clock: Clock;
}

/** The server closes at its age limit without a warning; the call hears of it this much earlier. */
const warnBeforeEndMs = 60_000;
/** An end further away than this is not believed (and would overflow a timer). */
const maxAgeMs = 24 * 60 * 60_000;

/** What the session waits for: the socket and `session.created`, then `session.updated`. */
type Phase = 'greeting' | 'configuring' | 'ready' | 'closed';

/**
 * One conversation over the GA protocol of the Realtime API ("Realtime conversations" and the reference pages
 * "Client events" and "Server events"): `session.created`, `session.update`, `session.updated`, the history so
 * far, and then it is ready.
 */
export class OpenAiRealtimeSession implements ModelSession, LinkEvents {
  readonly capabilities: ModelCapabilities;
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
  readonly truncateMarginMs: number;
  readonly #parts: SessionParts;
  readonly #options: SessionOptions;
  readonly #events: ModelEvents;
  readonly #log: Logger;
  readonly #link: ModelLink;
  readonly #answers: Answers;
  readonly #detection: TurnDetectionSettings;
  readonly #unknown = new Set<string>();
  #phase: Phase = 'greeting';
  #deadline: Timeout | undefined;
  #goingAway: Timeout | undefined;
  #protected: boolean;
  #number = 0;
  #configId = '';

  constructor(parts: SessionParts, options: SessionOptions, events: ModelEvents) {
    const { settings, profile, clock } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#events = events;
    this.#log = options.log;
    this.#protected = options.protectOpening;
    this.#detection = detectionFor(settings, options.agent);
    this.receives = chooseFormat(profile, options.prefers.receives);
    this.sends = chooseFormat(profile, options.prefers.sends);
    this.truncateMarginMs = settings.truncateMarginMs;
    this.capabilities = {
      truncate: true,
      cancel: true,
      cancelsOnSpeech: true,
      respondsToSpeech: true,
      ...(profile.maxAgeMs === undefined ? {} : { maxAgeMs: profile.maxAgeMs }),
    };
    this.#answers = new Answers({
      events,
      log: this.#log,
      sends: this.sends,
      truncateMarginMs: this.truncateMarginMs,
      echoesMetadata: profile.echoesMetadata,
      send: (event) => this.#link.send(event),
      nextId: (kind) => this.#nextId(kind),
    });
    this.#deadline = clock.setTimeout(() => this.#late(), settings.connectTimeoutMs);
    this.#link = new ModelLink({
      request: {
        url: parts.url(options.agent.model ?? settings.model),
        headers: profile.headers(settings),
        handshakeTimeoutMs: settings.connectTimeoutMs,
      },
      connect: parts.connect,
      clock,
      log: this.#log,
      events: this,
    });
  }

  appendAudio(audio: AudioChunk): void {
    if (this.#phase === 'ready') this.#link.appendAudio(audio);
  }

  get audioSink(): AudioSink {
    return this.#link;
  }

  interrupt(interruption: Interruption): void {
    if (this.#phase === 'ready') this.#answers.interrupt(interruption);
  }

  addText(role: 'caller' | 'system', text: string): void {
    this.#send({
      type: 'conversation.item.create',
      event_id: this.#nextId('text'),
      item: {
        type: 'message',
        role: role === 'caller' ? 'user' : 'system',
        content: [{ type: 'input_text', text }],
      },
    });
  }

  toolResult(toolCallId: string, output: string): void {
    this.#send({
      type: 'conversation.item.create',
      event_id: this.#nextId('result'),
      item: { type: 'function_call_output', call_id: toolCallId, output },
    });
  }

  requestResponse(request: ResponseRequest): void {
    if (this.#phase === 'ready') this.#answers.request(request);
  }

  /** Names only voice detection: an update that repeats the voice after the first answer is refused whole. */
  protect(on: boolean): void {
    if (this.#phase !== 'ready' || on === this.#protected) return;
    this.#protected = on;
    this.#send({
      type: 'session.update',
      event_id: this.#nextId('protect'),
      session: {
        type: 'realtime',
        audio: { input: { turn_detection: turnDetection(this.#detection, on) } },
      },
    });
  }

  close(): void {
    this.#end();
  }

  /** The link's word, as are `nonsense` and `lost`. */
  message(message: ServerMessage): void {
    switch (message.type) {
      case 'error':
        this.#fault(message.fault);
        return;
      case 'session.created':
        if (this.#phase === 'greeting') this.#configure(message.session);
        return;
      case 'session.updated':
        if (this.#phase === 'configuring') this.#begin(message.session);
        return;
      case 'unknown':
        this.#notice(message.name);
        return;
    }
    if (this.#phase !== 'ready') return;
    switch (message.type) {
      case 'input_audio_buffer.speech_started':
        this.#events.speechStarted(message.itemId);
        return;
      case 'input_audio_buffer.speech_stopped':
        this.#events.speechStopped(message.itemId, silenceOf(this.#detection));
        return;
      case 'conversation.item.input_audio_transcription.delta':
        if (message.text !== '') this.#events.callerText(message.itemId, message.text, false);
        return;
      case 'conversation.item.input_audio_transcription.completed':
        this.#events.callerText(message.itemId, message.text, true);
        return;
      case 'conversation.item.input_audio_transcription.failed':
        if (message.itemId !== undefined) this.#events.callerText(message.itemId, '', true);
        this.#report(message.fault, { itemId: message.itemId, request: 'transcription' });
        return;
      case 'response.done': {
        this.#answers.handle(message);
        const fatal = message.response.fault && fatalError(message.response.fault);
        if (fatal) this.#fail(fatal);
        return;
      }
      default:
        this.#answers.handle(message);
    }
  }

  nonsense(error: PatchcordError): void {
    this.#events.failed(error, false);
  }

  lost(error: PatchcordError): void {
    this.#fail(error);
  }

  #configure(session: ServerSession): void {
    const { settings, profile } = this.#parts;
    this.#phase = 'configuring';
    this.#configId = this.#nextId('config');
    this.#watchAge(session);
    this.#link.send({
      type: 'session.update',
      event_id: this.#configId,
      session: sessionConfig(settings, profile, this.#options, this),
    });
  }

  #begin(session: ServerSession): void {
    const input = session.inputFormat ?? wireFormatName(this.receives);
    const output = session.outputFormat ?? wireFormatName(this.sends);
    if (input !== wireFormatName(this.receives) || output !== wireFormatName(this.sends)) {
      this.#fail(new PatchcordError('PATCHCORD_AUDIO_FORMAT', undefined, { input, output }));
      return;
    }
    for (const item of this.#options.history()) {
      if (item.text !== '') this.#link.send(historyEvent(item, this.#nextId('history')));
    }
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#phase = 'ready';
    this.#watchAge(session);
    this.#events.ready();
  }

  #fault(fault: ServerFault): void {
    const fatal = fatalError(fault);
    if (fatal) {
      this.#fail(fatal);
      return;
    }
    if (this.#phase !== 'ready') {
      this.#fail(setupError(fault));
      return;
    }
    const active = fault.code === 'conversation_already_has_active_response';
    if (this.#answers.refused(fault.eventId, active)) {
      const error = new PatchcordError('PATCHCORD_MODEL_ERROR', undefined, describeFault(fault));
      this.#events.requestRefused(error, active);
      return;
    }
    // Our event ids begin with what was asked, so a refused truncation can be told from other errors.
    const request = fault.eventId?.split('-', 1)[0];
    this.#report(fault, request === undefined ? {} : { request });
  }

  #report(fault: ServerFault, fields: Record<string, unknown>): void {
    const details = { ...describeFault(fault), ...fields, race: isRace(fault) };
    const code = fields.request === 'truncate' ? 'PATCHCORD_TRUNCATION_REFUSED' : 'PATCHCORD_MODEL_ERROR';
    const error = new PatchcordError(code, undefined, details);
    this.#events.failed(error, false);
  }

  #notice(name: string): void {
    if (this.#unknown.size >= 32 || this.#unknown.has(name)) return;
    this.#unknown.add(name);
    this.#log.debug({ event: name }, 'the model sent an event that is not known here');
  }

  #watchAge(session: ServerSession): void {
    if (session.expiresAtEpochMs === undefined) return;
    const leftMs = session.expiresAtEpochMs - this.#parts.clock.epochMs();
    if (leftMs <= 0 || leftMs > maxAgeMs) return;
    this.#goingAway?.cancel();
    const warnMs = Math.min(warnBeforeEndMs, leftMs);
    this.#goingAway = this.#parts.clock.setTimeout(() => {
      this.#goingAway = undefined;
      if (this.#phase === 'ready') this.#events.goingAway(warnMs);
    }, leftMs - warnMs);
  }

  #late(): void {
    const waitingFor = this.#phase === 'greeting' ? 'session.created' : 'session.updated';
    this.#fail(
      this.#link.isOpen
        ? new PatchcordError('PATCHCORD_MODEL_TIMEOUT', undefined, { waitingFor })
        : new PatchcordError('PATCHCORD_MODEL_UNREACHABLE', 'The handshake with the speech model timed out.'),
    );
  }

  #send(event: ClientEvent): void {
    if (this.#phase === 'ready') this.#link.send(event);
  }

  #nextId(kind: string): string {
    this.#number += 1;
    return `${kind}-${this.#number}`;
  }

  #fail(error: PatchcordError): void {
    if (this.#phase === 'closed') return;
    this.#end();
    this.#events.failed(error, true);
  }

  #end(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#deadline?.cancel();
    this.#goingAway?.cancel();
    this.#link.close();
  }
}

/** The server tells of the end of speech only after this silence. Where it listens to the meaning, nobody knows how long. */
function silenceOf(detection: TurnDetectionSettings): number | undefined {
  return detection.type === 'server_vad' ? detection.silenceDurationMs : undefined;
}
