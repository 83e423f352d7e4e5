import type { Clock } from '../base/clock.ts';
import type { Agent } from './agent.ts';
import type { Conversation } from './conversation.ts';
import type { CallEventBody, CallSnapshot } from './events.ts';
import type { Leg } from './leg.ts';
import type { SpeechModel, Usage } from './model-session.ts';
import type { CallState } from './states.ts';

export const noUsage: Usage = {
  inputTextTokens: 0,
  inputAudioTokens: 0,
  cachedTextTokens: 0,
  cachedAudioTokens: 0,
  outputTextTokens: 0,
  outputAudioTokens: 0,
};

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTextTokens: a.inputTextTokens + b.inputTextTokens,
    inputAudioTokens: a.inputAudioTokens + b.inputAudioTokens,
    cachedTextTokens: a.cachedTextTokens + b.cachedTextTokens,
    cachedAudioTokens: a.cachedAudioTokens + b.cachedAudioTokens,
    outputTextTokens: a.outputTextTokens + b.outputTextTokens,
    outputAudioTokens: a.outputAudioTokens + b.outputAudioTokens,
  };
}

export interface CallReportOptions {
  readonly callId: string;
  readonly leg: Leg;
  readonly agent: Agent;
  readonly model: SpeechModel;
  readonly clock: Clock;
}

/** What a call can say of itself: figures counted from its own events. */
export class CallReport {
  readonly #options: CallReportOptions;
  readonly #conversation: Conversation;
  readonly #startedAtEpochMs: number;
  #liveAt: number | undefined;
  #endedAt: number | undefined;
  #pickUpToFirstAudioMs: number | undefined;
  #bargeIns = 0;
  #underruns = 0;
  #modelErrors = 0;
  #usage = noUsage;

  constructor(options: CallReportOptions, conversation: Conversation) {
    this.#options = options;
    this.#conversation = conversation;
    this.#startedAtEpochMs = options.clock.epochMs();
  }

  /** Media flows from now on. */
  live(): void {
    this.#liveAt = this.#options.clock.now();
  }

  count(event: CallEventBody): void {
    switch (event.type) {
      case 'latency.pick-up':
        this.#pickUpToFirstAudioMs = event.firstAudioMs;
        break;
      case 'barge-in':
        this.#bargeIns += 1;
        break;
      case 'playout.underrun':
        this.#underruns += 1;
        break;
      case 'usage':
        this.#usage = addUsage(this.#usage, event.usage);
        break;
      case 'error':
        if (event.code.startsWith('PATCHCORD_MODEL')) this.#modelErrors += 1;
        break;
      case 'call.state':
        if (event.to === 'ended') this.#endedAt = this.#options.clock.now();
        break;
      default:
        break;
    }
  }

  snapshot(state: CallState): CallSnapshot {
    const { callId, leg, agent, model, clock } = this.#options;
    const { party } = leg;
    const until = this.#endedAt ?? clock.now();
    return {
      callId,
      carrier: leg.carrier,
      carrierCallId: leg.carrierCallId,
      direction: party.direction,
      ...(party.from === undefined ? {} : { from: party.from }),
      ...(party.to === undefined ? {} : { to: party.to }),
      agent: agent.name,
      model: model.name,
      state,
      modelState: this.#conversation.modelState,
      startedAtEpochMs: this.#startedAtEpochMs,
      liveMs: this.#liveAt === undefined ? 0 : Math.round(until - this.#liveAt),
      turns: this.#conversation.turns,
      usage: this.#usage,
      stats: {
        ...(this.#pickUpToFirstAudioMs === undefined
          ? {}
          : { pickUpToFirstAudioMs: this.#pickUpToFirstAudioMs }),
        bargeIns: this.#bargeIns,
        underruns: this.#underruns,
        lostCallerAudioMs: Math.round(this.#conversation.lostCallerAudioMs),
        paddedCallerAudioMs: Math.round(this.#conversation.paddedCallerAudioMs),
        modelErrors: this.#modelErrors,
      },
    };
  }
}
