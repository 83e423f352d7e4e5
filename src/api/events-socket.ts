import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { CallEvent, CallObserver, CallSnapshot } from '../call/events.ts';
import type { EventsMessage } from './contract.ts';
import { Feed, type FeedLimits, type FeedSocket } from './feed.ts';
import { TurnThrottle } from './turn-throttle.ts';

/** What the feeds need of the directory of calls. */
export interface ObservedCalls {
  snapshots(): CallSnapshot[];
  find(id: string): { goesBy(id: string): boolean } | undefined;
  observe(observer: CallObserver, follows: () => boolean): () => void;
}

export interface FeedOptions {
  readonly calls: ObservedCalls;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: FeedLimits;
}

/** `WS /v1/events`: the snapshot of all live calls, then every event of every call. */
export class EventsSocket {
  readonly #calls: ObservedCalls;
  readonly #feed: Feed<undefined>;
  readonly #throttle: TurnThrottle;
  readonly #stop: () => void;

  constructor({ calls, clock, log, limits }: FeedOptions) {
    this.#calls = calls;
    this.#feed = new Feed(clock, log, limits);
    this.#throttle = new TurnThrottle(clock, (event) => this.#feed.send(encoded(event)));
    this.#stop = calls.observe(
      (event) => this.#take(event),
      () => this.#feed.size > 0,
    );
  }

  /** Serves a socket that was let in. */
  readonly attach = (socket: FeedSocket): void => {
    this.#feed.add(socket, undefined, [encoded({ type: 'snapshot', calls: this.#calls.snapshots() })]);
  };

  close(): void {
    this.#stop();
    this.#throttle.clear();
    this.#feed.close();
  }

  #take(event: CallEvent): void {
    if (this.#feed.size > 0) this.#throttle.take(event);
    else this.#throttle.clear();
  }
}

function encoded(message: EventsMessage): string {
  return JSON.stringify(message);
}
