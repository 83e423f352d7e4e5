/** Who answers a call: everything about the agent that the engine and a model need. */
export interface Agent {
  readonly name: string;
  readonly instructions: string;
  /** The model's name for the voice; undefined: the model's default. */
  readonly voice?: string;
  readonly opening: Opening;
  /** BCP 47 language of the caller's speech as a hint for transcription. */
  readonly language?: string;
  /** The model's name, where this call is to have another than the configured one. */
  readonly model?: string;
  /** Upper bound of one answer in tokens; undefined: as configured. */
  readonly maxOutputTokens?: number | 'inf';
  /** The silence after which the caller's turn counts as over, milliseconds; undefined: as configured. */
  readonly turnSilenceMs?: number;
}

/** Who speaks first, and what. */
export type Opening =
  | { readonly speaker: 'caller' }
  | {
      readonly speaker: 'agent';
      /** What to say, word for word; undefined: the agent improvises a greeting. */
      readonly greeting?: string;
      /** False: the caller cannot interrupt the greeting. */
      readonly interruptible: boolean;
    };
