import { AppendReader } from './append-reader.ts';
import type { CarrierCall } from './carrier-call.ts';
import { parseObject } from './carrier-wire.ts';
import { blockMs, type Coding } from './coding.ts';
import { mulaw, slin24 } from './codings.ts';
import type { Conversation } from './conversation.ts';
import { typicalConversation } from './conversation.ts';
import { ModelReply } from './model-reply.ts';
import type { RawSocket } from './raw-socket.ts';
import type { Stamp } from './stamps.ts';
import type { AnswerItem, Switchboard } from './switchboard.ts';

/** How long the subject may take to tell the model what was heard. */
const judgeAfterMs = 1_000;
/** Audio of an answer that nobody interrupted is late before this, and lost after it. */
const lostAfterMs = 5_000;
/** Deltas of a cancelled answer that were on their way already, and the end of its response. */
const lateDeltaMs = 8;
const cancelledMs = 30;
/** Less audio than this left to play may count as played. */
const nothingLeftMs = 50;

/** `session.update.session` at the GA API; anything else is an `unknown_parameter`. */
const sessionKeys = new Set(
  'type model output_modalities instructions audio tools tool_choice parallel_tool_calls max_output_tokens reasoning include prompt tracing truncation'.split(
    ' ',
  ),
);

interface ClientEvent {
  type?: unknown;
  event_id?: unknown;
  session?: Record<string, unknown>;
  audio?: unknown;
  item?: unknown;
  item_id?: unknown;
  content_index?: unknown;
  audio_end_ms?: unknown;
}

/** One direction of `session.audio`. */
interface Directed {
  format?: { type?: unknown };
}

/** `session.audio.input.format` and `.output.format`: `audio/pcm` is 24 kHz. */
function codingOf(format: Directed['format']): Coding | undefined {
  if (format?.type === 'audio/pcm') return slin24;
  return format?.type === 'audio/pcmu' ? mulaw : undefined;
}

/**
 * The model server's end of one call: speaks the GA Realtime protocol, holds a conversation by schedule
 * instead of listening, keeps an exact ledger of what it generated, and answers what a real server would
 * refuse with the error that it would send.
 */
export class ModelSession {
  readonly #board: Switchboard<CarrierCall>;
  readonly #socket: RawSocket;
  readonly #items = new Map<string, AnswerItem>();
  readonly #unsettled = new Set<AnswerItem>();
  #call: CarrierCall | undefined;
  #reply: ModelReply | undefined;
  #session: Record<string, unknown> = { type: 'realtime', object: 'realtime.session', id: id('sess') };
  /** Of the audio that it takes and gives; as the session says, and µ-law until it says. */
  #hears: Coding = mulaw;
  #speaks: Coding = mulaw;
  #appends = this.#appendsIn(mulaw);
  /** When what is being read came. */
  #nowMs = 0;
  #turn = 0;
  #closed = false;

  constructor(board: Switchboard<CarrierCall>, socket: RawSocket) {
    this.#board = board;
    this.#socket = socket;
    socket.listen({
      message: (payload, isText) => this.#onMessage(payload, isText),
      closed: (_clean, problem) => this.#onClosed(problem),
    });
    this.#session = { ...this.#session, expires_at: Math.floor(Date.now() / 1000) + 3600 };
    this.send('session.created', { session: this.#session });
  }

  /** The call whose caller this session hears; known from the first frame on. */
  get call(): CarrierCall | undefined {
    return this.#call;
  }

  send(type: string, fields: object): void {
    if (!this.#closed) this.#socket.sendText(JSON.stringify({ type, event_id: id('event'), ...fields }));
  }

  /** Sends one delta; by hand, since its audio needs no escaping. */
  sendDelta(item: AnswerItem, responseId: string, outputIndex: number, audio: string): void {
    if (this.#closed) return;
    const ids = `"response_id":"${responseId}","item_id":"${item.id}","output_index":${outputIndex}`;
    const head = `{"type":"response.output_audio.delta","event_id":"${id('event')}",${ids},"content_index":0`;
    item.startedAtMs = Math.min(item.startedAtMs, performance.now());
    item.sentAtMs.push(this.#call ? performance.now() : Number.NaN);
    this.#socket.sendText(`${head},"delta":"${audio}"}`);
  }

  #onMessage(payload: Buffer, isText: boolean): void {
    this.#nowMs = performance.now();
    if (!isText) {
      this.#board.meter.violations.add('binary frame to the model');
      return;
    }
    if (this.#appends.take(payload)) return;
    const event: ClientEvent | undefined = parseObject(payload);
    if (typeof event?.type === 'string') this.#onEvent(event.type, event, this.#nowMs);
    else this.#refuse('invalid_event', undefined);
  }

  #appendsIn(coding: Coding): AppendReader {
    return new AppendReader(coding, (stamp) => this.#onBlock(stamp, this.#nowMs));
  }

  #onBlock(stamp: Stamp, nowMs: number): void {
    const call = this.#call ?? this.#link(stamp.id, nowMs);
    const { meter } = this.#board;
    if (!call || call.ended) return;
    if (stamp.id !== call.number) {
      meter.violations.add("another call's audio");
      return;
    }
    if (stamp.sequence < call.nextArrival) {
      meter.violations.add('caller audio repeated or out of order');
      return;
    }
    meter.framesLost += stamp.sequence - call.nextArrival;
    meter.framesArrived += 1;
    call.nextArrival = stamp.sequence + 1;
    const sentAtMs = call.sentAtMs(stamp.sequence);
    if (meter.measuring && sentAtMs >= meter.windowStartMs) meter.upstreamMs.add(nowMs - sentAtMs);
  }

  #link(callNumber: number, nowMs: number): CarrierCall | undefined {
    this.#call = this.#board.call(callNumber);
    if (!this.#call) return undefined;
    const { startSpreadMs, interruptEvery } = this.#call.conversation;
    // Calls that start together would interrupt together.
    this.#turn = Math.floor(Math.random() * interruptEvery);
    this.#later(nowMs + Math.random() * startSpreadMs, (at) => this.#startTurn(at));
    return this.#call;
  }

  get #conversation(): Conversation {
    return this.#call?.conversation ?? typicalConversation;
  }

  #later(atMs: number, action: (nowMs: number) => void): void {
    this.#board.agenda.at(atMs, (nowMs) => {
      if (!this.#closed && !this.#call?.ended) action(nowMs);
    });
  }

  /** The caller starts to speak: with audio still playing, this is the barge-in. */
  #startTurn(nowMs: number): void {
    const call = this.#call;
    if (!call) return;
    const { callerMs, thinkMs } = this.#conversation;
    const user = id('item');
    this.#turn += 1;
    const sentAtMs = performance.now();
    const items = [...this.#unsettled].sort((a, b) => a.number - b.number);
    const leftMs = call.toPlayMs(items, sentAtMs);
    const expectsClear = leftMs > nothingLeftMs;
    const interruption = { sentAtMs, items, expectsClear, clearedAtMs: undefined };
    call.interruption = interruption;
    if (expectsClear) this.#board.meter.interruptions += 1;
    this.send('input_audio_buffer.speech_started', { audio_start_ms: call.framesSent * 20, item_id: user });
    this.#cancelReply(nowMs, 'turn_detected');
    this.#later(nowMs + judgeAfterMs, () => this.#judge(interruption));
    this.#later(nowMs + callerMs, () => {
      this.send('input_audio_buffer.speech_stopped', { audio_end_ms: call.framesSent * 20, item_id: user });
      this.send('input_audio_buffer.committed', { item_id: user });
      const item = { id: user, object: 'realtime.item', type: 'message', role: 'user', status: 'completed' };
      const content = [{ type: 'input_audio', transcript: null }];
      this.send('conversation.item.added', { item: { ...item, content } });
      this.send('conversation.item.done', { item: { ...item, content } });
    });
    this.#later(nowMs + callerMs + thinkMs, (at) => this.#answer(at));
    this.#later(nowMs + callerMs + thinkMs + 400, () => {
      const transcript = 'the caller said this and that';
      const type = 'conversation.item.input_audio_transcription.completed';
      this.send(type, {
        item_id: user,
        content_index: 0,
        transcript,
        usage: { type: 'duration', seconds: 1 },
      });
    });
  }

  #answer(nowMs: number): void {
    const { answers, answerMs, pauseMs, interruptEvery, underrun } = this.#conversation;
    const totalMs = answers * answerMs + (underrun ? 500 : 0);
    const interrupted = interruptEvery > 0 && this.#turn % interruptEvery === 0;
    const lastsMs = interrupted ? totalMs * (0.04 + Math.random() * 0.93) : totalMs + pauseMs;
    this.#later(nowMs + lastsMs, (at) => this.#startTurn(at));
    // Two answers come as two items of one response, or as two responses, by turns.
    const together = this.#turn % 2 === 0;
    this.#startReply(nowMs, together ? answers : 1, together ? 0 : answers - 1);
  }

  #startReply(nowMs: number, itemCount: number, following: number): void {
    if (this.#reply) return;
    const { deltaMs } = this.#conversation;
    const items = Array.from({ length: itemCount }, () => this.#board.newItem(deltaMs));
    for (const item of items) this.#unsettled.add(item);
    this.#reply = new ModelReply({
      session: this,
      responseId: id('resp'),
      items,
      conversation: this.#conversation,
      coding: this.#speaks,
      later: (atMs, action) => this.#later(atMs, action),
      onItem: (item) => this.#items.set(item.id, item),
      onDone: (at) => {
        this.#reply = undefined;
        if (following > 0) this.#startReply(at, 1, following - 1);
      },
    });
    this.#reply.start(nowMs);
  }

  #cancelReply(nowMs: number, reason: 'turn_detected' | 'client_cancelled'): void {
    const reply = this.#reply;
    if (!reply || reply.cancelled) return;
    reply.cancel();
    this.#later(nowMs + lateDeltaMs, () => reply.lateDelta());
    this.#later(nowMs + cancelledMs, () => {
      this.#reply = undefined;
      reply.finishCancelled(reason);
    });
  }

  /** Compares what the model was told with what the carrier played, once the subject has had its time. */
  #judge(interruption: NonNullable<CarrierCall['interruption']>): void {
    const call = this.#call;
    if (!call) return;
    const { meter } = this.#board;
    const sinceMs = Math.min(interruption.sentAtMs, ...interruption.items.map((item) => item.startedAtMs));
    const trusted = meter.undisturbedSince(sinceMs);
    if (!trusted) meter.disturbedCuts += 1;
    if (trusted && interruption.expectsClear && !call.hasStopped(interruption)) meter.missedClears += 1;
    const { sentAtMs, clearedAtMs } = interruption;
    for (const item of interruption.items) {
      this.#unsettled.delete(item);
      item.heardMs ??= call.ledger.playedMs(item.number, clearedAtMs ?? sentAtMs);
      const { generatedMs, claimedMs } = item;
      const heardWhole = item.heardMs >= generatedMs - 1e-6;
      if (heardWhole && claimedMs === undefined) continue;
      const wasCut = interruption.expectsClear || clearedAtMs !== undefined || claimedMs !== undefined;
      if (!heardWhole && item.complete && !wasCut)
        this.#later(sentAtMs + lostAfterMs, () => this.#countLost(item));
      if (trusted) meter.truncation(call.conversation.name, (claimedMs ?? generatedMs) - item.heardMs);
    }
  }

  #countLost(item: AnswerItem): void {
    this.#board.meter.downstreamBlocksLost += Math.max(0, item.generatedMs / blockMs - item.nextBlock);
  }

  #onEvent(type: string, event: ClientEvent, nowMs: number): void {
    switch (type) {
      case 'input_audio_buffer.append':
        if (typeof event.audio === 'string') this.#appends.takeAudio(event.audio);
        else this.#refuse('missing_required_parameter', event);
        return;
      case 'session.update':
        this.#update(event);
        return;
      case 'response.create':
        if (this.#reply) {
          this.#refuse('conversation_already_has_active_response', event);
          return;
        }
        this.#startReply(nowMs, 1, 0);
        return;
      case 'response.cancel':
        if (!this.#reply || this.#reply.cancelled) {
          this.#refuse('response_cancel_not_active', event);
          return;
        }
        this.#cancelReply(nowMs, 'client_cancelled');
        return;
      case 'conversation.item.truncate':
        this.#truncate(event);
        return;
      case 'conversation.item.delete':
        this.#delete(event);
        return;
      case 'conversation.item.create':
        this.send('conversation.item.added', { item: event.item });
        this.send('conversation.item.done', { item: event.item });
        return;
      case 'input_audio_buffer.clear':
        this.send('input_audio_buffer.cleared', {});
        return;
      default:
        this.#refuse('invalid_value', event);
        return;
    }
  }

  #update(event: ClientEvent): void {
    const { session } = event;
    if (typeof session !== 'object' || session === null || session.type !== 'realtime') {
      this.#refuse('missing_required_parameter', event);
      return;
    }
    for (const key of Object.keys(session))
      if (!sessionKeys.has(key)) {
        this.#refuse('unknown_parameter', event);
        return;
      }
    this.#session = { ...this.#session, ...session };
    this.#setAudio(session.audio);
    this.send('session.updated', { session: this.#session });
  }

  #setAudio(audio: unknown): void {
    const { input, output } = (audio ?? {}) as { input?: Directed; output?: Directed };
    const hears = codingOf(input?.format);
    if (hears && hears !== this.#hears) {
      this.#hears = hears;
      this.#appends = this.#appendsIn(hears);
    }
    this.#speaks = codingOf(output?.format) ?? this.#speaks;
  }

  #truncate(event: ClientEvent): void {
    const { item_id, content_index, audio_end_ms } = event;
    const item = typeof item_id === 'string' ? this.#items.get(item_id) : undefined;
    if (!item) {
      this.#refuse('item_truncate_invalid_item_id', event);
      return;
    }
    if (content_index !== 0 || !Number.isInteger(audio_end_ms)) {
      this.#refuse('invalid_type', event);
      return;
    }
    const endMs = Number(audio_end_ms);
    if (item.generatedMs === 0) {
      this.#refuse('unsupported_content_type', event);
      return;
    }
    if (endMs < 0 || endMs > item.generatedMs) {
      this.#refuse('invalid_value', event);
      this.#claim(item, endMs);
      return;
    }
    this.#claim(item, endMs);
    this.send('conversation.item.truncated', { item_id, content_index, audio_end_ms });
  }

  #delete(event: ClientEvent): void {
    const item = typeof event.item_id === 'string' ? this.#items.get(event.item_id) : undefined;
    if (!item) {
      this.#refuse('item_not_found', event);
      return;
    }
    this.#items.delete(item.id);
    this.#claim(item, 0);
    this.send('conversation.item.deleted', { item_id: item.id });
  }

  /** A claim about an answer that was judged before counts as an error of its own. */
  #claim(item: AnswerItem, claimedMs: number): void {
    item.claimedMs = claimedMs;
    item.claimedAtMs = performance.now();
    if (this.#unsettled.has(item) || item.heardMs === undefined) return;
    if (!this.#board.meter.undisturbedSince(item.startedAtMs)) return;
    this.#board.meter.truncation(this.#conversation.name, claimedMs - item.heardMs);
  }

  #refuse(code: string, event: ClientEvent | undefined): void {
    const eventId = typeof event?.event_id === 'string' ? event.event_id : null;
    this.#board.meter.rejections.add(typeof event?.type === 'string' ? `${event.type}: ${code}` : code);
    const error = { type: 'invalid_request_error', code, message: code, param: null, event_id: eventId };
    this.send('error', { error });
  }

  #onClosed(problem: string | undefined): void {
    this.#closed = true;
    for (const item of this.#items.values()) this.#board.forgetItem(item);
    if (this.#call && !this.#call.ended) {
      this.#board.meter.violations.add(`model socket closed in the call${problem ? `: ${problem}` : ''}`);
    }
  }
}

/** Ids look like OpenAI's: a prefix and 21 characters. */
function id(prefix: string): string {
  return `${prefix}_${Math.random().toString(36).slice(2).padEnd(21, '0').slice(0, 21)}`;
}
