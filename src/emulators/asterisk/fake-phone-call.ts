import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { PhoneLine, type PhoneLineOptions } from '../phone/line.ts';
import type { LineRecord, PhoneCallRecord } from '../phone/line-record.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';

export interface FakePhoneCallOptions {
  readonly clock: Clock;
  readonly steps?: readonly CallerStep[];
  readonly background?: 'silence' | 'noise';
  readonly network?: NetworkOptions;
  readonly seed?: number;
  readonly player?: MediaPlayerOptions;
  /** The caller hangs up this long after the answer; 120 s unless set. */
  readonly maxCallMs?: number;
}

/** A line to be talked on. */
interface Talk extends Omit<PhoneLineOptions, 'clock' | 'caller' | 'network' | 'expectedMs' | 'ended'> {
  /** What comes from the gateway goes to the line from now on. */
  join(line: PhoneLine): void;
}

const defaultMaxCallMs = 120_000;

/** What both ways in which Asterisk gives a call to a gateway have in common. Use once. */
export abstract class FakePhoneCall {
  readonly #options: FakePhoneCallOptions;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #answeredAtMs: number | undefined;
  #failure: string | undefined;
  #line: PhoneLine | undefined;
  #stream: LineRecord | undefined;
  #limit: Timeout | undefined;
  #hungUp = false;

  constructor(options: FakePhoneCallOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedAtMs = options.clock.now();
  }

  /** The line while there is one; also after its end. */
  get line(): PhoneLine | undefined {
    return this.#line;
  }

  /** Plays the call from the connection to its end. Never rejects: what went wrong is on record. */
  async run(): Promise<PhoneCallRecord> {
    try {
      await this.dial();
    } catch (error) {
      this.#failure ??= messageOf(error);
    }
    this.#limit?.cancel();
    return {
      failure: this.#failure,
      startedAtMs: this.#startedAtMs,
      answeredAtMs: this.#answeredAtMs,
      endedAtMs: this.#clock.now(),
      stream: this.#stream,
    };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#hungUp = true;
    this.#line?.stop('caller');
  }

  /** Connects, and talks until the end. */
  protected abstract dial(): Promise<void>;

  /** The phone is picked up: the caller's patience counts from here. */
  protected answered(): void {
    if (this.#answeredAtMs !== undefined) return;
    this.#answeredAtMs = this.#clock.now();
  }

  protected talk({ join, ...how }: Talk): Promise<void> {
    const { steps = [], background = 'silence', network, seed = 1, maxCallMs } = this.#options;
    const limitMs = maxCallMs ?? defaultMaxCallMs;
    return new Promise((resolve) => {
      const line = new PhoneLine({
        ...how,
        clock: this.#clock,
        caller: new Caller({ steps, background }),
        network: new NetworkConditions(this.#clock, network, seed),
        expectedMs: limitMs,
        ended: (record) => {
          this.#stream = record;
          this.#failure ??= failureOf(record);
          resolve();
        },
      });
      this.#line = line;
      this.#limit = this.#clock.setTimeout(() => this.hangUp(), limitMs);
      join(line);
      line.start();
      if (this.#hungUp) line.stop('caller');
    });
  }
}

function failureOf({ endedBy, violations }: LineRecord): string | undefined {
  if (endedBy === 'network') return 'the media connection was lost';
  if (endedBy !== 'carrier') return undefined;
  const last = violations.at(-1);
  return `Asterisk ended the call: ${last === undefined ? 'too much at once' : `${last.kind} (${last.detail})`}`;
}
