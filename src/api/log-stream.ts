import type { CallEvent } from '../call/events.ts';
import type { Turn } from '../call/turn.ts';
import type { FeedOptions, ObservedCalls } from './events-socket.ts';
import { Feed, type FeedSocket } from './feed.ts';
import { TurnThrottle } from './turn-throttle.ts';

/** One turn as clients of the replaced bridges know it: a conversation item of OpenAI's Realtime client. */
export interface LogItem {
  readonly id: string;
  readonly callId: string;
  readonly type: 'message';
  readonly role: 'user' | 'assistant';
  /** `incomplete`: the agent was cut. */
  readonly status: 'in_progress' | 'completed' | 'incomplete';
  /** What was said; of a turn of the agent that is over, what of it was heard. */
  readonly formatted: { readonly transcript: string; readonly text: string };
}

/** `WS /log-stream`: each turn of the live calls, whole, on every change; `?uuid=` or `?callId=` picks one call. */
export class LogStream {
  readonly #calls: ObservedCalls;
  readonly #feed: Feed<string | undefined>;
  readonly #throttle: TurnThrottle;
  readonly #stop: () => void;

  constructor({ calls, clock, log, limits }: FeedOptions) {
    this.#calls = calls;
    this.#feed = new Feed(clock, log, limits);
    this.#throttle = new TurnThrottle(clock, (event) => this.#tell(event));
    this.#stop = calls.observe(
      (event) => {
        if (this.#feed.size > 0) this.#throttle.take(event);
        else this.#throttle.clear();
      },
      () => this.#feed.size > 0,
    );
  }

  /** Serves a socket that was let in; `url` is the target of its upgrade. What was said so far comes first. */
  readonly attach = (socket: FeedSocket, url: string): void => {
    const wanted = wantedCall(url);
    const first = this.#calls
      .snapshots()
      .filter(({ callId }) => wanted === undefined || this.#calls.find(callId)?.goesBy(wanted))
      .flatMap(({ callId, turns }) => turns.map((turn) => JSON.stringify(itemOf(callId, turn))));
    this.#feed.add(socket, wanted, first);
  };

  close(): void {
    this.#stop();
    this.#throttle.clear();
    this.#feed.close();
  }

  #tell(event: CallEvent): void {
    if (event.type !== 'turn.started' && event.type !== 'turn.updated' && event.type !== 'turn.ended') return;
    const { callId, turn } = event;
    const call = this.#calls.find(callId);
    this.#feed.send(
      JSON.stringify(itemOf(callId, turn)),
      (wanted) => wanted === undefined || wanted === callId || call?.goesBy(wanted) === true,
    );
  }
}

function itemOf(callId: string, turn: Turn): LogItem {
  const words = turn.ended ? turn.heardText : turn.text;
  return {
    id: `${callId}-${turn.turnId}`,
    callId,
    type: 'message',
    role: turn.role === 'caller' ? 'user' : 'assistant',
    status: statusOf(turn),
    formatted: { transcript: words, text: words },
  };
}

function statusOf(turn: Turn): LogItem['status'] {
  if (!turn.ended) return 'in_progress';
  return turn.cut === undefined ? 'completed' : 'incomplete';
}

function wantedCall(url: string): string | undefined {
  const query = URL.parse(url, 'http://localhost')?.searchParams;
  return query?.get('uuid') || query?.get('callId') || undefined;
}
