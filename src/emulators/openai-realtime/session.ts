import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { parseAppend } from './append.ts';
import type { Behaviour, CallerTurn, ResponseContext } from './behaviours/behaviour.ts';
import { CallerAudio } from './caller-audio.ts';
import { audioMsOf, Conversation, withAudio } from './conversation.ts';
import type { EncodedAudio } from './encoded-audio.ts';
import { clientEvent } from './event-shapes.ts';
import type { ClientEvent, ClientEventOf, Item, ServerEvent } from './events.ts';
import type { Faults } from './faults.ts';
import type { Ids } from './ids.ts';
import type { Pace } from './pace.ts';
import type { ResponseRun } from './response.ts';
import { Responses } from './responses.ts';
import {
  audioFormatOf,
  defaultSession,
  type SessionConfig,
  shownSession,
  updatedSession,
} from './session-config.ts';
import { SessionRecord } from './session-record.ts';
import { EventProblem, isRecord } from './shape.ts';

const sessionLifeS = 60 * 60;
const itemIdMaxLength = 512;

/** What carries the session's events to its client. */
export interface Transport {
  send(event: ServerEvent): void;
  close(code: number, reason: string): void;
  /** Ends the connection without a close handshake. */
  drop(): void;
}

export interface SessionOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ids: Ids;
  readonly encoded: EncodedAudio;
  readonly behaviour: Behaviour;
  readonly pace: Pace;
  readonly model: string;
  readonly type: SessionConfig['type'];
  readonly transport: Transport;
  /** Read anew at each use, so that faults can be set while the session runs. */
  readonly faults: () => Faults;
  readonly transcribe: (turn: CallerTurn) => string;
}

/**
 * One Realtime session: takes the client's events, keeps configuration and conversation, and has responses made.
 * Knows no socket. `close` ends every timer.
 */
export class Session {
  readonly conversation = new Conversation();
  readonly record = new SessionRecord(this.conversation);
  readonly #options: SessionOptions;
  readonly #caller: CallerAudio;
  readonly #responses: Responses;
  readonly #timers = new Set<Timeout>();
  #config: SessionConfig;
  #turn: CallerTurn | undefined;
  #fresh: Item[] = [];
  #idle: Timeout | undefined;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { clock, ids, model, type } = options;
    const expiresAtS = Math.floor(clock.epochMs() / 1000) + sessionLifeS;
    this.#config = defaultSession(ids.next('sess'), model, expiresAtS, type);
    const send = options.transport.send.bind(options.transport);
    const { input } = this.#config.audio;
    this.#caller = new CallerAudio(
      {
        conversation: this.conversation,
        ids,
        send,
        speechStarted: () => this.#speechStarted(),
        committed: (turn, by) => this.#committed(turn, by),
      },
      audioFormatOf(input.format),
      input.turn_detection,
    );
    this.#responses = new Responses({
      ...options,
      send,
      conversation: this.conversation,
      record: this.record,
      config: () => this.#config,
      drop: () => options.transport.drop(),
      ended: (run) => this.#responseEnded(run),
    });
  }

  get id(): string {
    return this.#config.id;
  }

  get config(): Readonly<SessionConfig> {
    return this.#config;
  }

  /** Greets the client and starts the session's own clock. */
  open(): void {
    const faults = this.#options.faults();
    if (faults.noSessionCreated !== true)
      this.#send({ type: 'session.created', session: this.#wireConfig() });
    const lifeMs = faults.expireAfterMs ?? sessionLifeS * 1000;
    this.#after(lifeMs, () => this.expire());
    if (faults.dropAfterMs !== undefined)
      this.#after(faults.dropAfterMs, () => this.#options.transport.drop());
    const { errorCode } = faults;
    if (errorCode !== undefined) this.#after(faults.errorAfterMs ?? 0, () => this.sendError(errorCode));
  }

  /** Ends every timer and lets go of all audio; the record stays. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#idle?.cancel();
    this.#responses.close();
    this.#caller.release();
    this.conversation.forgetAudio();
    this.#turn = undefined;
    this.#fresh = [];
    this.record.freeze();
  }

  /** The session reaches its maximum age: an error, then close 1001. */
  expire(): void {
    const message = `Your session hit the maximum duration of ${sessionLifeS / 60} minutes.`;
    this.#fail(new EventProblem('session_expired', message), null);
    this.#options.transport.close(1001, message);
  }

  /** Sends an error that no client event caused. */
  sendError(code: string, message = 'The emulator was told to send this error.'): void {
    this.#fail(new EventProblem(code, message), null);
  }

  /** Takes one text frame. Nothing that a client sends throws. */
  receive(text: string): void {
    if (this.#closed) return;
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (thrown) {
      this.#fail(new EventProblem('invalid_event', `The event is not JSON: ${messageOf(thrown)}`), null);
      return;
    }
    this.#receive(parsed);
  }

  receiveBinary(): void {
    this.#fail(
      new EventProblem('invalid_event', 'Events are JSON in text frames; a binary frame came.'),
      null,
    );
  }

  #receive(parsed: unknown): void {
    const given = isRecord(parsed) ? parsed.event_id : undefined;
    const eventId = typeof given === 'string' ? given : null;
    try {
      if (!isRecord(parsed)) throw new EventProblem('invalid_event', 'The event is not a JSON object.');
      if (parsed.type === 'input_audio_buffer.append') this.#append(parsed);
      else {
        clientEvent(parsed, '');
        const event = parsed as unknown as ClientEvent;
        this.record.received({ atMs: this.#options.clock.now(), event });
        this.#handle(event, eventId);
      }
    } catch (thrown) {
      if (thrown instanceof EventProblem) this.#fail(thrown, eventId);
      else this.#broke(thrown, eventId);
    }
  }

  #handle(event: ClientEvent, eventId: string | null): void {
    switch (event.type) {
      case 'session.update':
        this.#update(event);
        break;
      case 'input_audio_buffer.append':
        break;
      case 'input_audio_buffer.commit':
        this.#caller.commit();
        break;
      case 'input_audio_buffer.clear':
        this.#caller.clear();
        break;
      case 'output_audio_buffer.clear': {
        const message = 'The output audio buffer exists on WebRTC and SIP connections only.';
        throw new EventProblem('invalid_event', message, 'type');
      }
      case 'conversation.item.create':
        this.#createItem(event);
        break;
      case 'conversation.item.retrieve':
        this.#retrieve(event);
        break;
      case 'conversation.item.truncate':
        this.#truncate(event);
        break;
      case 'conversation.item.delete':
        this.#delete(event);
        break;
      case 'response.create':
        this.#respond('client', event.response ?? {}, eventId);
        break;
      case 'response.cancel':
        this.#responses.cancel(event.response_id);
        break;
    }
  }

  /** The hot path: checked by hand, no record but a count. */
  #append(event: Readonly<Record<string, unknown>>): void {
    const bytes = parseAppend(event);
    this.record.appendCount++;
    this.#caller.append(bytes);
    this.record.appendedMs = this.#caller.appendedMs;
  }

  #update(event: ClientEventOf<'session.update'>): void {
    this.#config = updatedSession(this.#config, event.session as unknown as Record<string, unknown>, {
      hasModelAudio: this.conversation.hasModelAudio,
      responding: this.#responses.active !== undefined,
    });
    const { input } = this.#config.audio;
    this.#caller.configure(audioFormatOf(input.format), input.turn_detection);
    this.#send({ type: 'session.updated', session: this.#wireConfig() });
  }

  #createItem(event: ClientEventOf<'conversation.item.create'>): void {
    const { previous_item_id: previousId } = event;
    const given = event.item;
    if (given.id !== undefined && (given.id === '' || given.id.length > itemIdMaxLength)) {
      throw new EventProblem('invalid_value', 'The id of the item is empty or too long.', 'item.id');
    }
    if (given.type === 'message' && given.role === 'assistant') {
      if (given.content.some((part) => part.type === 'output_audio')) {
        const message = 'Assistant messages with audio cannot be created; use output_text.';
        throw new EventProblem('invalid_value', message, 'item.content');
      }
    }
    const id = given.id ?? this.#options.ids.next('item');
    const item = { object: 'realtime.item', status: 'completed', ...given, id } as Item & { id: string };
    this.conversation.add(item, audioFormatOf(this.#config.audio.input.format), previousId).isModelAudio =
      false;
    this.#fresh.push(item);
    const previous = this.conversation.previousOf(id);
    this.#send({ type: 'conversation.item.added', previous_item_id: previous, item });
    this.#send({ type: 'conversation.item.done', previous_item_id: previous, item });
  }

  #retrieve(event: ClientEventOf<'conversation.item.retrieve'>): void {
    const entry = this.conversation.get(event.item_id);
    if (entry === undefined) {
      const message = `Error retrieving item: the item with id '${event.item_id}' does not exist.`;
      throw new EventProblem('item_retrieve_invalid_item_id', message, 'item_id');
    }
    this.#send({ type: 'conversation.item.retrieved', item: withAudio(entry) });
  }

  #truncate(event: ClientEventOf<'conversation.item.truncate'>): void {
    const { item_id: itemId, content_index: contentIndex, audio_end_ms: audioEndMs } = event;
    const entry = this.conversation.get(itemId);
    const generatedMs = entry === undefined ? 0 : audioMsOf(entry);
    const note = { atMs: this.#options.clock.now(), itemId, audioEndMs, generatedMs };
    try {
      this.conversation.truncate(itemId, contentIndex, audioEndMs);
      this.record.truncated({ ...note, accepted: true });
    } catch (thrown) {
      this.record.truncated({ ...note, accepted: false });
      throw thrown;
    }
    this.#send({
      type: 'conversation.item.truncated',
      item_id: itemId,
      content_index: contentIndex,
      audio_end_ms: audioEndMs,
    });
  }

  #delete(event: ClientEventOf<'conversation.item.delete'>): void {
    this.conversation.delete(event.item_id);
    this.record.deletions.push(event.item_id);
    this.#fresh = this.#fresh.filter((item) => item.id !== event.item_id);
    if (this.#turn?.itemId === event.item_id) this.#turn = undefined;
    this.#send({ type: 'conversation.item.deleted', item_id: event.item_id });
  }

  #speechStarted(): void {
    this.#idle?.cancel();
    const detection = this.#config.audio.input.turn_detection;
    if (detection?.interrupt_response === true) this.#responses.active?.cancel('turn_detected');
  }

  #committed(turn: CallerTurn, by: 'detection' | 'client' | 'idle'): void {
    this.#turn = turn;
    const entry = this.conversation.get(turn.itemId);
    if (entry !== undefined) this.#fresh.push(entry.item);
    if (by !== 'idle') this.#transcribe(turn);
    if (by === 'client' || this.#config.type === 'transcription') return;
    const detection = this.#config.audio.input.turn_detection;
    if (by === 'idle' || detection?.create_response === true) {
      this.#respond(by === 'idle' ? 'idle_timeout' : 'turn', {}, null);
    }
  }

  /** The transcript floats: it comes later than its item, whatever else goes on. */
  #transcribe(turn: CallerTurn): void {
    if (this.#config.audio.input.transcription === null) return;
    const { pace, transcribe } = this.#options;
    this.#after(pace.transcriptDelayMs, () => {
      const transcript = transcribe(turn);
      const entry = this.conversation.get(turn.itemId);
      if (entry !== undefined) {
        const content = [{ type: 'input_audio', transcript }];
        entry.item = { ...entry.item, content } as unknown as Item & { id: string };
      }
      const place = { item_id: turn.itemId, content_index: 0 };
      this.#send({ type: 'conversation.item.input_audio_transcription.delta', ...place, delta: transcript });
      this.#send({
        type: 'conversation.item.input_audio_transcription.completed',
        ...place,
        transcript,
        usage: { type: 'duration', seconds: Math.ceil(turn.durationMs / 1000) },
      });
    });
  }

  #respond(
    trigger: ResponseContext['trigger'],
    params: NonNullable<ClientEventOf<'response.create'>['response']>,
    eventId: string | null,
  ): void {
    if (this.#config.type === 'transcription') {
      throw new EventProblem('invalid_event', 'A transcription session has no responses.', 'type');
    }
    try {
      const begun = this.#responses.create({ trigger, params, turn: this.#turn, fresh: this.#fresh });
      if (!begun.inConversation) return;
      this.#turn = undefined;
      this.#fresh = [];
      this.#idle?.cancel();
    } catch (thrown) {
      if (thrown instanceof EventProblem) this.#fail(thrown, eventId);
      else this.#broke(thrown, eventId);
    }
  }

  /** With `idle_timeout_ms`: counts from when the answer has been played, as far as a server can know. */
  #responseEnded(run: ResponseRun): void {
    const detection = this.#config.audio.input.turn_detection;
    if (detection?.type !== 'server_vad' || detection.idle_timeout_ms === null) return;
    if (!run.settings.inConversation || run.status !== 'completed') return;
    const unplayedMs = run.audioMs * (1 - 1 / run.settings.speed);
    this.#idle?.cancel();
    this.#idle = this.#options.clock.setTimeout(() => {
      if (!this.#caller.speaking && this.#responses.active === undefined) this.#caller.commitSilence();
    }, detection.idle_timeout_ms + Math.max(0, unplayedMs));
  }

  #wireConfig(): Extract<ServerEvent, { type: 'session.created' }>['session'] {
    // Null marks what is off; the published types have the field absent.
    return shownSession(this.#config) as unknown as Extract<
      ServerEvent,
      { type: 'session.created' }
    >['session'];
  }

  #send(event: ServerEvent): void {
    this.#options.transport.send(event);
  }

  #fail(problem: EventProblem, eventId: string | null): void {
    const { code, message, param } = problem;
    this.record.failed({ atMs: this.#options.clock.now(), code, message, param, clientEventId: eventId });
    this.#options.log.debug({ code, param }, 'sent an error event');
    const error = { type: 'invalid_request_error', code, message, param, event_id: eventId };
    this.#send({ type: 'error', error });
  }

  #broke(thrown: unknown, eventId: string | null): void {
    const message = 'The server had an error while processing your request.';
    this.#options.log.error({ error: messageOf(thrown) }, 'the emulator failed on an event');
    this.#send({
      type: 'error',
      error: { type: 'server_error', code: null, message, param: null, event_id: eventId },
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#options.clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.add(timer);
  }
}
