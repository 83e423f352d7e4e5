import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Behaviour, CallerTurn, ResponseContext, ResponsePlan } from './behaviours/behaviour.ts';
import type { Conversation } from './conversation.ts';
import type { EncodedAudio } from './encoded-audio.ts';
import type { FunctionTool, Item, ResponseParams, Send, WireResponse } from './events.ts';
import type { Faults } from './faults.ts';
import type { Ids } from './ids.ts';
import type { Pace } from './pace.ts';
import { failedResponse, ResponseRun, type ResponseSettings } from './response.ts';
import { audioFormatOf, checkModalities, completeFormat, type SessionConfig } from './session-config.ts';
import type { SessionRecord } from './session-record.ts';
import { EventProblem } from './shape.ts';
import { type Counts, inputCounts } from './usage.ts';

const shortestDeltaMs = 20;
const longestDeltaMs = 4000;
const slowest = 0.1;
/** Responses outside the conversation that may run side by side. */
const mostDetached = 32;

export interface ResponsesHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ids: Ids;
  readonly encoded: EncodedAudio;
  readonly behaviour: Behaviour;
  readonly pace: Pace;
  readonly faults: () => Faults;
  readonly conversation: Conversation;
  readonly record: SessionRecord;
  readonly config: () => SessionConfig;
  readonly send: Send;
  readonly drop: () => void;
  readonly ended: (run: ResponseRun) => void;
}

export interface ResponseRequest {
  readonly trigger: ResponseContext['trigger'];
  readonly params: ResponseParams;
  readonly turn: CallerTurn | undefined;
  readonly fresh: readonly Item[];
}

/** Makes responses and holds their rule: one at a time writes to the conversation, others run beside it. */
export class Responses {
  readonly #host: ResponsesHost;
  readonly #conversationId: string;
  readonly #detached = new Set<ResponseRun>();
  #active: ResponseRun | undefined;
  #count = 0;
  #audioMs = 0;
  #inputBefore: Counts = { textTokens: 0, audioTokens: 0 };
  #tokensUsed = 0;

  constructor(host: ResponsesHost) {
    this.#host = host;
    this.#conversationId = host.ids.next('conv');
  }

  /** The response that writes to the conversation now. */
  get active(): ResponseRun | undefined {
    return this.#active;
  }

  /** Starts a response. Throws an `EventProblem` where the API refuses. */
  create(request: ResponseRequest): { readonly inConversation: boolean } {
    const { params } = request;
    const inConversation = params.conversation !== 'none';
    this.#refuse(params, inConversation);
    this.#count++;
    const settings = this.#settings(params, inConversation);
    const { send, ids, record } = this.#host;
    const faults = this.#host.faults();
    if (faults.failWithoutCreated === this.#count) {
      const response = failedResponse(ids.next('resp'), settings, 'server_error', serverErrorMessage);
      this.#sendDone(response);
      return { inConversation };
    }
    const plan = faults.rateLimitResponse === this.#count ? rateLimited : this.#plan(request, settings);
    const run = new ResponseRun(
      {
        ...this.#host,
        send: (event) => {
          send(event);
          if (event.type === 'response.done') this.#sendRateLimits();
        },
        audioSent: (ms) => this.#audioSent(ms),
        ended: (ended) => this.#ended(ended),
      },
      plan,
      settings,
    );
    if (inConversation) this.#active = run;
    else this.#detached.add(run);
    record.responded(run);
    run.start();
    return { inConversation };
  }

  /** Cancels by id, or what is active in the conversation. Throws where there is nothing to cancel. */
  cancel(responseId?: string): void {
    const all = [...(this.#active === undefined ? [] : [this.#active]), ...this.#detached];
    const run =
      responseId === undefined ? this.#active : all.find((candidate) => candidate.id === responseId);
    if (run === undefined) {
      throw new EventProblem('response_cancel_not_active', 'Cancellation failed: no active response found');
    }
    run.cancel('client_cancelled');
  }

  close(): void {
    this.#active?.dispose();
    this.#active = undefined;
    for (const run of this.#detached) run.dispose();
    this.#detached.clear();
  }

  #refuse(params: ResponseParams, inConversation: boolean): void {
    checkModalities(params.output_modalities, 'response.output_modalities');
    for (const [index, item] of (params.input ?? []).entries()) {
      const reference = item as { type?: string; id?: string };
      if (reference.type !== 'item_reference' || this.#host.conversation.has(reference.id ?? '')) continue;
      const message = `Item with item_id '${reference.id}' not found.`;
      throw new EventProblem('item_not_found', message, `response.input[${index}].id`);
    }
    if (inConversation && this.#active !== undefined) {
      const message = `Conversation already has an active response in progress: ${this.#active.id}. Wait until the response is finished before creating a new one.`;
      throw new EventProblem('conversation_already_has_active_response', message);
    }
    if (!inConversation && this.#detached.size >= mostDetached) {
      throw new EventProblem(
        'invalid_event',
        `More than ${mostDetached} responses run outside the conversation.`,
      );
    }
  }

  #settings(params: ResponseParams, inConversation: boolean): ResponseSettings {
    const { pace, conversation } = this.#host;
    const config = this.#host.config();
    const faults = this.#host.faults();
    const given = params.audio?.output;
    const wireFormat =
      given?.format === undefined ? config.audio.output.format : completeFormat({ ...given.format });
    const input = inputCounts(params.instructions ?? config.instructions, conversation.entries);
    const inputBefore = this.#inputBefore;
    this.#inputBefore = input;
    return {
      inConversation,
      conversationId: this.#conversationId,
      modality: (params.output_modalities ?? config.output_modalities)[0] === 'text' ? 'text' : 'audio',
      wireFormat,
      format: audioFormatOf(wireFormat),
      voice: given?.voice ?? config.audio.output.voice,
      maxOutputTokens: params.max_output_tokens ?? config.max_output_tokens,
      metadata: (params.metadata ?? null) as Record<string, string> | null,
      input,
      inputBefore,
      latencyMs: pace.latencyMs,
      deltaMs: Math.min(longestDeltaMs, Math.max(shortestDeltaMs, faults.deltaMs ?? pace.deltaMs)),
      speed: Math.max(slowest, faults.speed ?? pace.speed),
      missingDone: faults.missingDone === this.#count,
      lateDeltas: faults.lateDeltas ?? 0,
    };
  }

  #plan(request: ResponseRequest, settings: ResponseSettings): ResponsePlan {
    const { params, trigger, turn, fresh } = request;
    const config = this.#host.config();
    const tools = (params.tools ?? config.tools) as unknown as readonly FunctionTool[];
    try {
      return this.#host.behaviour.respond({
        number: this.#count,
        trigger,
        turn,
        fresh,
        instructions: params.instructions ?? config.instructions,
        requestInstructions: ownPart(params.instructions, config.instructions),
        tools: tools.filter((tool) => tool.type === 'function'),
        toolChoice: params.tool_choice ?? config.tool_choice,
        modality: settings.modality,
        outputSampleRate: settings.format.sampleRate,
      });
    } catch (thrown) {
      const { log, behaviour } = this.#host;
      log.error({ behaviour: behaviour.name, error: messageOf(thrown) }, 'the behaviour failed');
      return { parts: [], ends: { status: 'failed', code: 'server_error', message: serverErrorMessage } };
    }
  }

  #audioSent(ms: number): boolean {
    this.#audioMs += ms;
    const { dropAfterAudioMs, stallAfterAudioMs } = this.#host.faults();
    if (dropAfterAudioMs !== undefined && this.#audioMs >= dropAfterAudioMs) {
      this.#host.drop();
      return false;
    }
    return stallAfterAudioMs === undefined || this.#audioMs < stallAfterAudioMs;
  }

  #ended(run: ResponseRun): void {
    if (this.#active === run) this.#active = undefined;
    this.#detached.delete(run);
    this.#tokensUsed = run.settings.input.textTokens + run.settings.input.audioTokens;
    this.#host.ended(run);
  }

  #sendDone(response: WireResponse): void {
    this.#host.send({ type: 'response.done', response });
    this.#sendRateLimits();
  }

  #sendRateLimits(): void {
    const requests = 20_000;
    const tokens = 15_000_000;
    this.#host.send({
      type: 'rate_limits.updated',
      rate_limits: [
        { name: 'requests', limit: requests, remaining: requests - 1, reset_seconds: 0.003 },
        { name: 'tokens', limit: tokens, remaining: tokens - this.#tokensUsed, reset_seconds: 0.001 },
      ],
    });
  }
}

const serverErrorMessage = 'The server had an error while processing your request.';

const rateLimited: ResponsePlan = {
  parts: [],
  ends: {
    status: 'failed',
    code: 'rate_limit_exceeded',
    message: 'Rate limit reached for the model. Please try again in 1 s.',
  },
};

/** Clients that want the session's instructions to hold for a response too have to send them again with it. */
function ownPart(asked: string | undefined, instructions: string): string | undefined {
  return instructions !== '' && asked?.startsWith(instructions)
    ? asked.slice(instructions.length).trimStart()
    : asked;
}
