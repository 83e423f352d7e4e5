import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Agent, Opening } from '../call/agent.ts';
import type { Party } from '../call/party.ts';
import type { Tool } from '../call/tools.ts';
import { type InstructionSources, type LoadedInstructions, loadInstructions } from './instructions.ts';

/** What one call may have of its own in place of the default agent's. */
export interface AgentOverrides {
  /** The text, or what to make of the default agent's. */
  readonly instructions?: string | ((standing: string) => string);
  readonly voice?: string;
  readonly greeting?: string;
  /** BCP 47 language of the caller's speech, for the transcription. */
  readonly language?: string;
  readonly model?: string;
  readonly maxOutputTokens?: number | 'inf';
  readonly turnSilenceMs?: number;
  /** Tools that this call has beside those of every call. */
  readonly tools?: readonly Tool[];
}

export interface AgentSettings extends InstructionSources {
  readonly voice: string;
  readonly language: string | undefined;
  readonly whoSpeaksFirst: 'agent' | 'agent-improvises' | 'caller';
  readonly greeting: string;
  readonly greetingInterruptible: boolean;
}

/** Instructions from an address or a file are looked up again after this; a call never waits for it. */
const refreshAfterMs = 30_000;

/** The agent that answers, as the settings describe it. */
export class AgentSource {
  readonly #settings: AgentSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  #instructions: LoadedInstructions;
  #loadedAt: number;
  #loading = false;

  private constructor(settings: AgentSettings, clock: Clock, log: Logger, instructions: LoadedInstructions) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#instructions = instructions;
    this.#loadedAt = clock.now();
  }

  static async load(settings: AgentSettings, clock: Clock, log: Logger): Promise<AgentSource> {
    return new AgentSource(settings, clock, log, await loadInstructions(settings, { logger: log }));
  }

  agent(overrides: AgentOverrides = {}, direction: Party['direction'] = 'inbound'): Agent {
    this.#refresh();
    const { voice } = this.#settings;
    const { instructions: wanted, model, maxOutputTokens, turnSilenceMs } = overrides;
    const standing = this.#instructions.text;
    const language = overrides.language ?? this.#settings.language;
    return {
      name: 'default',
      instructions: typeof wanted === 'function' ? wanted(standing) : (wanted ?? standing),
      voice: overrides.voice ?? voice,
      opening: this.#opening(overrides, direction),
      ...(language === undefined ? {} : { language }),
      ...(model === undefined ? {} : { model }),
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
      ...(turnSilenceMs === undefined ? {} : { turnSilenceMs }),
    };
  }

  #opening({ greeting, instructions }: AgentOverrides, direction: Party['direction']): Opening {
    const { whoSpeaksFirst, greetingInterruptible } = this.#settings;
    // A greeting given for this very call is meant to be said.
    if (greeting !== undefined) return { speaker: 'agent', greeting, interruptible: greetingInterruptible };
    switch (whoSpeaksFirst) {
      case 'caller':
        return { speaker: 'caller' };
      case 'agent-improvises':
        return { speaker: 'agent', interruptible: greetingInterruptible };
      case 'agent':
        // Whoever is called, and for a purpose of its own, is not asked what he wants.
        if (direction === 'outbound' && instructions !== undefined)
          return { speaker: 'agent', interruptible: greetingInterruptible };
        return { speaker: 'agent', greeting: this.#settings.greeting, interruptible: greetingInterruptible };
    }
  }

  /** The next call has what the address or the file says now. */
  #refresh(): void {
    const { instructionsUrl, instructionsFile } = this.#settings;
    if (!instructionsUrl && !instructionsFile) return;
    if (this.#loading || this.#clock.now() - this.#loadedAt < refreshAfterMs) return;
    this.#loading = true;
    loadInstructions(this.#settings, { logger: this.#log }).then(
      (loaded) => {
        // A source that fails for once must not turn the agent into another one.
        if (loaded.source === this.#instructions.source || this.#instructions.source === 'default') {
          this.#instructions = loaded;
        }
        this.#loaded();
      },
      (thrown) => {
        this.#log.warn({ error: messageOf(thrown) }, 'instructions could not be looked up again');
        this.#loaded();
      },
    );
  }

  #loaded(): void {
    this.#loadedAt = this.#clock.now();
    this.#loading = false;
  }
}
