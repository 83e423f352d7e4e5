import type { CallerFrame } from './caller.ts';
import { frameMs } from './caller-audio.ts';
import type { SpeechRecord } from './line-record.ts';

/** What the caller said on one line, and how the agent took it. Times are the clock's milliseconds. */
export class SpeechLog {
  readonly speeches: SpeechRecord[] = [];
  /** The utterance whose answer is still to come. */
  #awaitingReply: SpeechRecord | undefined;

  /** One frame of the caller leaves; `agentSounds` when it does. */
  frame(speech: CallerFrame['speech'], nowMs: number, agentSounds: boolean): void {
    if (speech === 'first' || speech === 'only') {
      this.#awaitingReply = undefined;
      this.speeches.push({
        startedAtMs: nowMs,
        endedAtMs: undefined,
        overAgent: agentSounds,
        clearedAtMs: undefined,
        replyAtMs: undefined,
      });
    }
    const spoken = this.speeches.at(-1);
    if (spoken === undefined || (speech !== 'last' && speech !== 'only')) return;
    spoken.endedAtMs = nowMs + frameMs;
    // While the old answer still sounds, new audio may belong to it: wait for the clear.
    if (!agentSounds) this.#awaitingReply = spoken;
  }

  /** The agent was made to fall silent; `agentSounds`: something was cut off. */
  cleared(atMs: number, agentSounds: boolean): void {
    const spoken = this.speeches.at(-1);
    if (spoken === undefined) return;
    if (agentSounds) spoken.clearedAtMs ??= atMs;
    if (spoken.endedAtMs === undefined) return;
    if (spoken.replyAtMs !== undefined && spoken.replyAtMs <= atMs) return;
    spoken.replyAtMs = undefined;
    this.#awaitingReply = spoken;
  }

  /** Audio of the agent came in that sounds from then on. */
  agentAudio(soundsAtMs: number): void {
    if (this.#awaitingReply !== undefined) this.#awaitingReply.replyAtMs ??= soundsAtMs;
  }

  /** The caller speaks over the agent, or has just done so, and the agent has not fallen silent since. */
  get bargingIn(): boolean {
    const spoken = this.speeches.at(-1);
    return spoken?.overAgent === true && spoken.clearedAtMs === undefined;
  }
}
