import type { AudioFormat } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { Recent } from '../../base/recent.ts';
import type { Interruption, ModelEvents, ResponseDone, ResponseRequest } from '../../call/model-session.ts';
import { Answer, type AnswerItem, ToolCalls } from './answer.ts';
import { describeFault } from './faults.ts';
import type { AudioDelta, ContentPlace, ServerItem, ServerMessage, ServerResponse } from './server-events.ts';
import { readUsage } from './usage.ts';
import type { ClientEvent } from './wire.ts';

export interface AnswersOptions {
  readonly events: ModelEvents;
  readonly log: Logger;
  /** The format in which the model speaks. */
  readonly sends: AudioFormat;
  readonly truncateMarginMs: number;
  /** See `RealtimeProfile.echoesMetadata`. */
  readonly echoesMetadata: boolean;
  send(event: ClientEvent): void;
  /** Ids for client events; the first part says what was asked. */
  nextId(kind: string): string;
}

/** Key of our request id in the metadata of a response. */
const requestKey = 'patchcord_request';
const maxAnswers = 64;
const maxItems = 256;
const maxRequests = 16;

interface Requested {
  readonly eventId: string;
  readonly requestId: string;
  cancelled: boolean;
}

/**
 * The model's responses of one session: asks for them, follows them through the server's events, tells the call,
 * and cuts them short. Tolerates events that are missing, repeated or out of their order.
 */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #events: ModelEvents;
  readonly #answers = new Recent<Answer>(maxAnswers);
  /** Answers that are over: of them nothing but their ids is of use. */
  readonly #over = new Recent<true>(maxAnswers);
  /** Items that the server has put into the conversation. */
  readonly #announced = new Recent<true>(maxItems);
  /** Items of which nothing may come through any more. */
  readonly #deadItems = new Recent<true>(maxItems);
  /** Unheard items that the server has not announced yet. */
  readonly #deleteLater = new Recent<true>(maxItems);
  /** Whether this server carries metadata; a compatible one shows it by doing so once. */
  #echoes: boolean;
  #requested: Requested[] = [];
  #active: Answer | undefined;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#events = options.events;
    this.#echoes = options.echoesMetadata;
  }

  request(request: ResponseRequest): void {
    const eventId = this.#options.nextId('create');
    this.#requested.push({ eventId, requestId: request.requestId, cancelled: false });
    if (this.#requested.length > maxRequests) this.#requested.shift();
    this.#options.send({
      type: 'response.create',
      event_id: eventId,
      response: {
        metadata: { [requestKey]: request.requestId },
        ...(request.instructions === undefined ? {} : { instructions: request.instructions }),
        ...(request.tools === false ? { tool_choice: 'none' as const } : {}),
      },
    });
  }

  /** Forgets the request that the server refused; true when it was one of ours. Without an id it is the oldest. */
  refused(eventId: string | undefined, anonymous: boolean): boolean {
    const at = this.#requested.findIndex((requested) => requested.eventId === eventId);
    if (at >= 0) this.#requested.splice(at, 1);
    else if (eventId !== undefined || !anonymous || this.#requested.shift() === undefined) return false;
    return true;
  }

  interrupt(interruption: Interruption): void {
    if (interruption.cancel === 'requested') {
      const requested = this.#requested.find((candidate) => !candidate.cancelled);
      if (requested) requested.cancelled = true;
    } else if (interruption.cancel !== undefined) {
      const answer = this.#answers.get(interruption.cancel);
      if (answer) this.#cancel(answer);
    }
    for (const item of interruption.items) {
      this.#deadItems.set(item.itemId, true);
      // The model cancels by itself what it was generating when it hears speech.
      const answer = this.#answers.get(item.responseId);
      if (answer) answer.dead = true;
      const endMs = Math.floor(Math.min(item.heardMs, item.generatedMs - this.#options.truncateMarginMs));
      // A later part of an item stands behind parts that were heard: the item stays.
      if (endMs > 0 || item.contentIndex > 0) {
        this.#options.send({
          type: 'conversation.item.truncate',
          event_id: this.#options.nextId('truncate'),
          item_id: item.itemId,
          content_index: item.contentIndex,
          audio_end_ms: Math.max(0, endMs),
        });
      } else if (this.#announced.has(item.itemId)) this.#delete(item.itemId);
      else this.#deleteLater.set(item.itemId, true);
    }
  }

  /** Takes the events of responses and items; others are not its business. */
  handle(message: ServerMessage): void {
    switch (message.type) {
      case 'response.output_audio.delta':
        this.#audio(message);
        return;
      case 'response.output_audio_transcript.delta':
      case 'response.output_audio_transcript.done':
        this.#text(message, message.text, message.type === 'response.output_audio_transcript.done');
        return;
      case 'response.output_audio.done': {
        const item = this.#itemOf(message);
        if (item) this.#finishAudio(item);
        return;
      }
      case 'response.created':
        if (message.response.id !== undefined) this.#created(message.response.id, message.response);
        return;
      case 'response.done':
        this.#done(message.response);
        return;
      case 'conversation.item.added':
      case 'conversation.item.done':
        this.#announce(message.item);
        return;
      case 'response.output_item.added':
      case 'response.output_item.done':
        this.#announce(message.item);
        this.#outputItem(message.responseId, message.item, message.type === 'response.output_item.done');
        return;
      case 'response.function_call_arguments.done': {
        const answer = this.#answerOf(message.responseId);
        if (answer && !answer.dead) answer.tools.finished(message, this.#events);
        return;
      }
      default:
        return;
    }
  }

  #audio(delta: AudioDelta): void {
    const item = this.#itemOf(delta);
    if (!item) return;
    const chunk = item.align(delta.audio, this.#options.sends);
    if (chunk) this.#events.audio(item.name, chunk);
  }

  /** A transcript comes in pieces; a server that sends only the whole text gives it as one. */
  #text(place: ContentPlace, text: string, whole: boolean): void {
    const item = this.#itemOf(place);
    if (!item || text === '' || (whole && item.hasText)) return;
    item.hasText = true;
    this.#events.agentText(item.name, text);
  }

  #finishAudio(item: AnswerItem): void {
    if (item.audioDone) return;
    item.audioDone = true;
    if (item.hasAudio) this.#events.audioDone(item.name);
  }

  #created(id: string, response: ServerResponse): void {
    if (this.#answers.has(id) || this.#over.has(id)) return;
    const requested = this.#claim(response, false);
    this.#start(id, requested);
  }

  #start(id: string, requested: Requested | undefined): Answer {
    const answer = new Answer(id, new ToolCalls(id));
    this.#answers.set(id, answer);
    this.#active = answer;
    // Cancelled before it had an id: the server would have ignored a cancel at that time.
    if (requested?.cancelled) this.#cancel(answer);
    this.#events.responseStarted(id, requested?.requestId);
    return answer;
  }

  /** The request that this response answers, taken off the list. `guess`: by its age when nothing else tells. */
  #claim(response: ServerResponse, guess: boolean): Requested | undefined {
    const requestId = response.metadata?.[requestKey];
    if (requestId !== undefined) this.#echoes = true;
    else if (this.#echoes && !guess) return undefined;
    const at =
      requestId === undefined
        ? 0
        : this.#requested.findIndex((requested) => requested.requestId === requestId);
    return at < 0 ? undefined : this.#requested.splice(at, 1)[0];
  }

  #done(response: ServerResponse): void {
    if (response.id !== undefined && this.#over.has(response.id)) return;
    let answer = response.id === undefined ? undefined : this.#answers.get(response.id);
    if (!answer && response.id !== undefined && response.status === 'completed') {
      answer = this.#start(response.id, this.#claim(response, true));
    }
    if (!answer) {
      // Failed before it was announced; nobody but a request can have caused it when one is waiting.
      this.#claim(response, response.status === 'failed');
      this.#finish(response, undefined);
      return;
    }
    if (!answer.dead && response.status === 'completed') {
      for (const item of response.output) answer.tools.item(item, true, this.#events);
    }
    if (!answer.dead) {
      for (const item of answer.items()) {
        if (!this.#deadItems.has(item.name.itemId)) this.#finishAudio(item);
      }
    }
    this.#answers.delete(answer.id);
    this.#over.set(answer.id, true);
    if (this.#active === answer) this.#active = undefined;
    this.#finish(response, answer.id);
  }

  #finish(response: ServerResponse, responseId: string | undefined): void {
    const status = readStatus(response.status);
    const usage = readUsage(response.usage);
    const reason = response.reason ?? response.fault?.code ?? response.fault?.kind;
    const fault = response.fault;
    const error =
      status === 'failed'
        ? new PatchcordError('PATCHCORD_RESPONSE_FAILED', undefined, fault ? describeFault(fault) : {})
        : undefined;
    if (status === 'failed' || status === 'incomplete') {
      this.#options.log.warn({ responseId, status, reason }, 'a response of the model did not complete');
    }
    const done: ResponseDone = {
      status,
      ...(responseId === undefined ? {} : { responseId }),
      ...(reason === undefined ? {} : { reason }),
      ...(error === undefined ? {} : { error }),
      ...(usage === undefined ? {} : { usage }),
    };
    this.#events.responseDone(done);
  }

  #outputItem(responseId: string | undefined, item: ServerItem, finished: boolean): void {
    const answer = this.#answerOf(responseId);
    if (!answer || answer.dead) return;
    answer.tools.item(item, finished, this.#events);
    if (!finished || item.id === undefined || this.#deadItems.has(item.id)) return;
    for (const content of answer.items()) {
      if (content.name.itemId === item.id) this.#finishAudio(content);
    }
  }

  #announce(item: ServerItem): void {
    if (item.id === undefined || item.role === 'user' || item.role === 'system') return;
    this.#announced.set(item.id, true);
    if (this.#deleteLater.delete(item.id)) this.#delete(item.id);
  }

  #delete(itemId: string): void {
    this.#announced.delete(itemId);
    this.#options.send({
      type: 'conversation.item.delete',
      event_id: this.#options.nextId('delete'),
      item_id: itemId,
    });
  }

  #cancel(answer: Answer): void {
    answer.dead = true;
    if (answer.cancelSent) return;
    answer.cancelSent = true;
    this.#options.send({
      type: 'response.cancel',
      event_id: this.#options.nextId('cancel'),
      response_id: answer.id,
    });
  }

  /** The item that a piece belongs to, unless it is of a response or item that is over. */
  #itemOf(place: ContentPlace): AnswerItem | undefined {
    if (this.#deadItems.has(place.itemId)) return undefined;
    const answer = this.#answerOf(place.responseId);
    if (!answer || answer.dead) return undefined;
    return answer.item(place.itemId, place.contentIndex);
  }

  /** Without an id it is the active one; one that was never announced starts here. */
  #answerOf(responseId: string | undefined): Answer | undefined {
    if (responseId === undefined) return this.#active;
    const known = this.#answers.get(responseId);
    if (known || this.#over.has(responseId)) return known;
    return this.#start(responseId, this.#requested.shift());
  }
}

function readStatus(status: string | undefined): ResponseDone['status'] {
  switch (status) {
    case 'completed':
    case 'cancelled':
    case 'incomplete':
    case 'failed':
      return status;
    // Servers of the same dialect leave it out of a response that ended well.
    case undefined:
      return 'completed';
    default:
      return 'failed';
  }
}
