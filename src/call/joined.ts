import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Agent } from './agent.ts';
import type { CallLimits } from './call-limits.ts';
import { Floor } from './floor.ts';
import type { Ticker } from './frame-ticker.ts';
import type { Leg } from './leg.ts';
import type { ModelEvents, ModelSession, SpeechModel, ToolDefinition } from './model-session.ts';
import { Playout } from './playout.ts';
import type { ResponsesPort } from './response-state.ts';
import { Responses } from './responses.ts';
import type { Transcript } from './transcript.ts';
import { Turns, type TurnsPort } from './turns.ts';

/** The parts of a conversation that exist once a model session was opened. */
export interface Joined {
  readonly session: ModelSession;
  readonly floor: Floor;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly turns: Turns;
}

export interface JoinOptions {
  readonly callId: string;
  readonly leg: Leg;
  readonly agent: Agent;
  readonly model: SpeechModel;
  readonly tools: readonly ToolDefinition[];
  readonly limits: Pick<CallLimits, 'responseTimeoutMs'>;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Logger;
  readonly transcript: Transcript;
  /** What the model tells. */
  readonly events: ModelEvents;
  readonly port: TurnsPort &
    Pick<ResponsesPort, 'abandoned' | 'failed' | 'silent'> & {
      /** The first audio of an item went to the carrier. */
      itemSent(): void;
      /** Time since the caller's side last sent audio of whatever kind. */
      callerIdleMs(): number;
    };
}

/** Opens a session and puts the parts around it together: what one of them tells goes to the others it concerns. */
export function join(options: JoinOptions): Joined {
  const { clock, transcript, port } = options;
  const { opening } = options.agent;
  const protectOpening = opening.speaker === 'agent' && !opening.interruptible;
  const session = openSession(options, protectOpening);
  const playout = new Playout({
    clock,
    ticker: options.ticker,
    modelFormat: session.sends,
    events: {
      itemSent: (item) => {
        turns.itemSent(item);
        port.itemSent();
      },
      itemHeardFirst: (item, startedAt) => turns.itemHeardFirst(item, startedAt),
      itemHeard: (item, heardMs) => transcript.agentHeard(item, heardMs),
      underrun: () => port.emit({ type: 'playout.underrun' }),
      drained: () => turns.checkQuiet(),
      dropped: (lostMs) => port.emit({ type: 'agent-audio.lost', lostMs }),
    },
  });
  const floor = new Floor({
    clock,
    protectOpening,
    callerIdleMs: () => port.callerIdleMs(),
    lifted: () => responses.floorLifted(),
    stopMissed: () => turns.speechStopped(undefined),
  });
  const responses = new Responses({
    clock,
    floor,
    respondsToSpeech: session.capabilities.respondsToSpeech,
    timeoutMs: options.limits.responseTimeoutMs,
    port: {
      send: (request) => session.requestResponse(request),
      cancel: (responseId) => session.interrupt({ items: [], cancel: responseId }),
      abandoned: (responseId) => {
        port.abandoned(responseId);
        playout.finishResponse(responseId);
      },
      idle: () => turns.checkQuiet(),
      failed: (error, fatal) => port.failed(error, fatal),
      silent: (error) => port.silent(error),
    },
  });
  const turns: Turns = new Turns({
    clock,
    session,
    floor,
    playout,
    transcript,
    responses,
    port,
  });
  return { session, floor, playout, responses, turns };
}

function openSession(options: JoinOptions, protectOpening: boolean): ModelSession {
  const { callId, agent, leg, log, transcript } = options;
  return options.model.open(
    {
      callId,
      agent,
      party: leg.party,
      tools: options.tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
      prefers: { receives: leg.receives, sends: leg.sends },
      protectOpening,
      history: () => transcript.history(),
      log,
    },
    options.events,
  );
}
