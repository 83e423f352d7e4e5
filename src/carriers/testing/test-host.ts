import type { AudioChunk } from '../../audio/chunk.ts';
import { type Clock, SystemClock } from '../../base/clock.ts';
import type { PatchcordError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { noUsage } from '../../call/call-report.ts';
import type { CallSnapshot } from '../../call/events.ts';
import type { Leg, LegEnd, Played } from '../../call/leg.ts';
import type { Tool } from '../../call/tools.ts';
import type { CallExtras, CallOverrides, CarrierHost } from '../carrier.ts';

/** The public origin that a `TestHost` has. */
export const publicUrl = 'https://gw.example.com';

/** The record of a call in which nothing was said. */
export const emptyRecord: CallSnapshot = {
  callId: 'call-1',
  carrier: 'any',
  carrierCallId: 'carrier-call-1',
  direction: 'inbound',
  agent: 'default',
  model: 'none',
  state: 'ending',
  modelState: 'gone',
  startedAtEpochMs: 0,
  liveMs: 0,
  turns: [],
  usage: noUsage,
  stats: { bargeIns: 0, underruns: 0, lostCallerAudioMs: 0, paddedCallerAudioMs: 0, modelErrors: 0 },
};

/** What one leg told its call, in order. */
export interface HeardCall {
  readonly leg: Leg;
  readonly overrides: CallOverrides | undefined;
  readonly tools: readonly Tool[];
  readonly log: string[];
  readonly audio: { readonly chunk: AudioChunk; readonly timestampMs: number | undefined }[];
  readonly ends: LegEnd[];
  readonly ended: Promise<LegEnd>;
  /** Settles when that many chunks have come in all. */
  audioOf(chunks: number): Promise<void>;
}

/** A gateway that takes every call and writes down what its leg says; for tests. */
export class TestHost implements CarrierHost {
  readonly clock: Clock;
  readonly log = silentLogger;
  publicUrl: string | undefined = publicUrl;
  unsigned = false;
  full: PatchcordError | undefined;
  /** Run inside `answered`, as a call does that gives up at once. */
  onAnswered: ((leg: Leg) => void) | undefined;
  onConnected: ((leg: Leg) => void) | undefined;
  onPlayed: (() => void) | undefined;
  onFlow: ((open: boolean) => void) | undefined;
  found: Promise<CallOverrides> = Promise.resolve({});
  readonly lookedUp: string[] = [];
  readonly calls: HeardCall[] = [];
  readonly refusals: { readonly code: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];

  constructor(clock: Clock = new SystemClock()) {
    this.clock = clock;
  }

  get codes(): string[] {
    return this.refusals.map(({ code }) => code);
  }

  allowsUnsigned(): boolean {
    return this.unsigned;
  }

  admission() {
    return this.full === undefined
      ? ({ admitted: true } as const)
      : ({ admitted: false, error: this.full } as const);
  }

  accept(leg: Leg, extras: CallExtras = {}) {
    if (this.full !== undefined) throw this.full;
    this.calls.push(listenTo(leg, extras, this));
    return { callId: `call-${this.calls.length}` };
  }

  /** What the sources of instructions say of a call. */
  lookUp(carrierCallId: string): Promise<CallOverrides> {
    this.lookedUp.push(carrierCallId);
    return this.found;
  }

  refused(_carrier: string, error: PatchcordError, fields: Readonly<Record<string, unknown>> = {}) {
    this.refusals.push({ code: error.code, fields });
  }
}

/** Lets a test wait for the n-th of something. */
export class Counter {
  #count = 0;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  count(): void {
    this.#count += 1;
    for (const waiter of this.#waiting) if (waiter.count <= this.#count) waiter.resolve();
  }

  reached(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (count <= this.#count) resolve();
    else this.#waiting.push({ count, resolve });
    return promise;
  }
}

function listenTo(leg: Leg, { overrides, tools = [] }: CallExtras, host: TestHost): HeardCall {
  const log: string[] = [];
  const audio: HeardCall['audio'] = [];
  const ends: LegEnd[] = [];
  const counter = new Counter();
  const { promise: ended, resolve } = Promise.withResolvers<LegEnd>();
  leg.attach({
    answered: () => {
      log.push('answered');
      host.onAnswered?.(leg);
    },
    connected: () => {
      log.push('connected');
      host.onConnected?.(leg);
    },
    audio: (chunk, timestampMs) => {
      if (audio.length === 0) log.push('audio');
      audio.push({ chunk, timestampMs });
      counter.count();
    },
    digit: (digit) => log.push(`digit ${digit}`),
    played: (played: Played) => {
      log.push(played.type === 'mark' ? `played ${played.name}` : played.type);
      host.onPlayed?.();
    },
    flow: (open) => {
      log.push(open ? 'takes audio again' : 'takes no audio');
      host.onFlow?.(open);
    },
    hold: (on) => log.push(on ? 'on hold' : 'off hold'),
    reset: () => log.push('reset'),
    left: () => log.push('left'),
    ended: (end) => {
      log.push(`ended ${end.reason}`);
      ends.push(end);
      resolve(end);
    },
  });
  return { leg, overrides, tools, log, audio, ends, ended, audioOf: (chunks) => counter.reached(chunks) };
}
