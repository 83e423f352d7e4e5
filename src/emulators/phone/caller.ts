import { type AudioFormat, pcmu8k } from '../../audio/format.ts';
import { type CallerAudio, frameMs, lineNoise, silenceFrame } from './caller-audio.ts';

export type CallerAction =
  | { readonly do: 'speak'; readonly audio: CallerAudio }
  /** One key after the other, every 200 ms. */
  | { readonly do: 'digits'; readonly digits: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'hangup' };

/** Steps run one after another. A step is due when all that it names has come. */
export type CallerStep = CallerAction & {
  /** Milliseconds after the start of the stream. */
  readonly atMs?: number;
  /** `agent-started`: agent audio sounds; `agent-finished`: it sounded since the step before and fell silent. */
  readonly after?: 'agent-started' | 'agent-finished';
  /** Milliseconds after `after`, or after the step before. */
  readonly delayMs?: number;
  /** The step is skipped, and counted as missed, when `after` does not come within this; 20 s unless set. */
  readonly withinMs?: number;
};

/** What a caller can know of the agent: what sounds in the ear. */
export interface AgentSound {
  readonly playing: boolean;
  /** The last time it began to sound after silence. */
  readonly startedAtMs: number | undefined;
  /** The last time it fell silent. */
  readonly silentAtMs: number | undefined;
  /** The last time it was cut off. */
  readonly clearedAtMs: number | undefined;
}

export interface CallerFrame {
  /** 20 ms in the format that `begin` was given. */
  readonly audio: Buffer;
  readonly speech: 'none' | 'first' | 'middle' | 'last' | 'only';
  readonly digit: string | undefined;
  readonly hangUp: boolean;
}

export interface CallerOptions {
  readonly steps: readonly CallerStep[];
  /** What the line carries while nobody speaks. */
  readonly background?: 'silence' | 'noise';
  /** How long the agent must be silent to be taken as finished. */
  readonly settleMs?: number;
}

const digitEveryMs = 200;
const defaultWithinMs = 20_000;

/** A person on the phone who follows a script; asked for one frame every 20 ms. */
export class Caller {
  missedSteps = 0;
  readonly #options: Required<CallerOptions>;
  readonly #noise: CallerAudio | undefined;
  #format: AudioFormat = pcmu8k;
  #silence = silenceFrame(pcmu8k);
  #next = 0;
  #frame = 0;
  #startedAtMs = 0;
  /** The step in progress. */
  #speaking: { readonly frames: readonly Buffer[]; at: number } | undefined;
  #pressing: { readonly digits: string; at: number; nextAtMs: number } | undefined;
  #busyUntilMs = 0;
  #previousDoneAtMs = 0;
  #heardSinceDone = false;

  constructor(options: CallerOptions) {
    this.#options = { background: 'silence', settleMs: 300, ...options };
    this.#noise = this.#options.background === 'noise' ? lineNoise() : undefined;
  }

  /** Steps that are not begun yet. */
  get stepsLeft(): number {
    return this.#options.steps.length - this.#next;
  }

  /** Media flows, in `format`: `nowMs` is its start on the same clock as all later calls. */
  begin(nowMs: number, format: AudioFormat): void {
    this.#format = format;
    this.#silence = silenceFrame(format);
    this.#previousDoneAtMs = nowMs;
    this.#busyUntilMs = nowMs;
    this.#startedAtMs = nowMs;
  }

  /** The next 20 ms, with what happens at their beginning. */
  nextFrame(nowMs: number, agent: AgentSound): CallerFrame {
    this.#listen(agent);
    let hangUp = false;
    while (this.#idle(nowMs)) {
      const step = this.#options.steps[this.#next];
      if (step === undefined) break;
      const due = this.#due(step, nowMs, agent);
      if (due === 'not-yet') break;
      this.#next += 1;
      if (due === 'missed') {
        this.missedSteps += 1;
        this.#done(nowMs);
        continue;
      }
      hangUp = this.#begin(step, nowMs);
      if (hangUp) break;
    }
    return { ...this.#voice(nowMs), digit: this.#press(nowMs), hangUp };
  }

  #listen(agent: AgentSound): void {
    const since = this.#previousDoneAtMs;
    if (agent.playing || (agent.startedAtMs ?? -1) > since) this.#heardSinceDone = true;
    // What was cut off was not finished: the answer is still to come.
    const cut = agent.clearedAtMs ?? -1;
    if (!agent.playing && cut > since && cut >= (agent.startedAtMs ?? -1)) this.#heardSinceDone = false;
  }

  #idle(nowMs: number): boolean {
    return this.#speaking === undefined && this.#pressing === undefined && nowMs >= this.#busyUntilMs;
  }

  #due(step: CallerStep, nowMs: number, agent: AgentSound): 'now' | 'not-yet' | 'missed' {
    if (step.atMs !== undefined && nowMs < this.#startedAtMs + step.atMs) return 'not-yet';
    const since = this.#previousDoneAtMs;
    let from: number | undefined = since;
    if (step.after === 'agent-started') {
      from = agent.playing ? Math.max(since, agent.startedAtMs ?? since) : undefined;
    } else if (step.after === 'agent-finished') {
      from = this.#finishedAtMs(nowMs, agent);
    }
    if (from !== undefined) return nowMs >= from + (step.delayMs ?? 0) ? 'now' : 'not-yet';
    return nowMs > since + (step.withinMs ?? defaultWithinMs) ? 'missed' : 'not-yet';
  }

  #finishedAtMs(nowMs: number, agent: AgentSound): number | undefined {
    const silentAt = agent.silentAtMs;
    if (agent.playing || !this.#heardSinceDone || silentAt === undefined) return undefined;
    return nowMs >= silentAt + this.#options.settleMs ? silentAt : undefined;
  }

  #begin(step: CallerStep, nowMs: number): boolean {
    switch (step.do) {
      case 'speak':
        this.#speak(step.audio.framesIn(this.#format), nowMs);
        return false;
      case 'digits':
        if (step.digits === '') this.#done(nowMs);
        else this.#pressing = { digits: step.digits, at: 0, nextAtMs: nowMs };
        return false;
      case 'wait':
        this.#done(nowMs + step.ms);
        return false;
      case 'hangup':
        return true;
    }
  }

  #speak(frames: readonly Buffer[], nowMs: number): void {
    if (frames.length === 0) this.#done(nowMs);
    else this.#speaking = { frames, at: 0 };
  }

  #voice(nowMs: number): { audio: Buffer; speech: CallerFrame['speech'] } {
    const speaking = this.#speaking;
    if (speaking === undefined) return { audio: this.#background(), speech: 'none' };
    const audio = speaking.frames[speaking.at] ?? this.#silence;
    const first = speaking.at === 0;
    speaking.at += 1;
    const last = speaking.at >= speaking.frames.length;
    if (last) {
      this.#speaking = undefined;
      this.#done(nowMs + frameMs);
    }
    if (first) return { audio, speech: last ? 'only' : 'first' };
    return { audio, speech: last ? 'last' : 'middle' };
  }

  #press(nowMs: number): string | undefined {
    const pressing = this.#pressing;
    if (pressing === undefined || nowMs < pressing.nextAtMs) return undefined;
    const digit = pressing.digits[pressing.at];
    pressing.at += 1;
    pressing.nextAtMs = nowMs + digitEveryMs;
    if (pressing.at >= pressing.digits.length) {
      this.#pressing = undefined;
      this.#done(nowMs + digitEveryMs);
    }
    return digit;
  }

  #background(): Buffer {
    if (this.#noise === undefined) return this.#silence;
    const frames = this.#noise.framesIn(this.#format);
    this.#frame = (this.#frame + 1) % frames.length;
    return frames[this.#frame] ?? this.#silence;
  }

  #done(atMs: number): void {
    this.#busyUntilMs = atMs;
    this.#previousDoneAtMs = atMs;
    this.#heardSinceDone = false;
  }
}
