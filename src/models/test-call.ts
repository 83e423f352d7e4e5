import { pcmu8k } from '../audio/format.ts';
import type { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import type { ModelEvents, SessionOptions } from '../call/model-session.ts';

/** One event of a session: its name and what it was told. */
export type Told = readonly [name: keyof ModelEvents, ...args: unknown[]];

/** Listens to a session as a call does and keeps everything, for tests. Audio is kept as hex, errors as their code. */
export class TestCall implements ModelEvents {
  readonly told: Told[] = [];
  readonly errors: PatchcordError[] = [];
  readonly #waiting = new Set<{ fits(told: Told): boolean; resolve(told: Told): void }>();

  ready: ModelEvents['ready'] = () => this.#keep('ready');
  resuming: ModelEvents['resuming'] = (error) => this.#keep('resuming', error && this.#error(error));
  speechStarted: ModelEvents['speechStarted'] = (itemId) => this.#keep('speechStarted', itemId);
  speechStopped: ModelEvents['speechStopped'] = (itemId) => this.#keep('speechStopped', itemId);
  callerText: ModelEvents['callerText'] = (...args) => this.#keep('callerText', ...args);
  responseStarted: ModelEvents['responseStarted'] = (...args) => this.#keep('responseStarted', ...args);
  audio: ModelEvents['audio'] = (item, chunk) =>
    this.#keep('audio', item.itemId, chunk.bytes().toString('hex'));
  audioDone: ModelEvents['audioDone'] = (item) => this.#keep('audioDone', item.itemId);
  agentText: ModelEvents['agentText'] = (item, delta) => this.#keep('agentText', item.itemId, delta);
  toolCall: ModelEvents['toolCall'] = (call) => this.#keep('toolCall', call);
  responseDone: ModelEvents['responseDone'] = (done) => {
    const { error, ...rest } = done;
    if (error) this.errors.push(error);
    this.#keep('responseDone', error ? { ...rest, error: error.code } : rest);
  };
  requestRefused: ModelEvents['requestRefused'] = (error, active) =>
    this.#keep('requestRefused', this.#error(error), active);
  goingAway: ModelEvents['goingAway'] = (timeLeftMs) => this.#keep('goingAway', timeLeftMs);
  failed: ModelEvents['failed'] = (error, fatal) => this.#keep('failed', this.#error(error), fatal);

  /** Everything since the last time it was asked. */
  take(): Told[] {
    return this.told.splice(0);
  }

  count(name: Told[0]): number {
    return this.told.filter(([told]) => told === name).length;
  }

  /** Settles at the first event, from now on, that fits. */
  until(fits: (told: Told) => boolean): Promise<Told> {
    return new Promise((resolve) => this.#waiting.add({ fits, resolve }));
  }

  #keep(...told: Told): void {
    this.told.push(told);
    for (const waiting of this.#waiting) {
      if (!waiting.fits(told)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(told);
    }
  }

  #error(error: PatchcordError): string {
    this.errors.push(error);
    return error.code;
  }
}

export function testOptions(more: Partial<SessionOptions> = {}): SessionOptions {
  return {
    callId: 'call-1',
    agent: { name: 'Reception', instructions: 'Be brief.', opening: { speaker: 'caller' } },
    party: { direction: 'inbound', variables: {} },
    tools: [],
    prefers: { receives: pcmu8k, sends: pcmu8k },
    protectOpening: false,
    history: () => [],
    log: silentLogger,
    ...more,
  };
}
