import type { PatchcordError } from '../base/errors.ts';
import type { SpeechModel } from '../call/model-session.ts';

/** Whether a model would take a call now. */
export type ModelHealth =
  | {
      readonly ok: true;
      /** From the first packet until the model's greeting, milliseconds. */
      readonly latencyMs: number;
    }
  | { readonly ok: false; readonly error: PatchcordError };

/** What a model family brings: sessions, and a look at whether they could be opened. */
export interface Model extends SpeechModel {
  /** Opens a session without starting a conversation and closes it again. Never rejects; bounded by the connect timeout. */
  check(): Promise<ModelHealth>;
}
