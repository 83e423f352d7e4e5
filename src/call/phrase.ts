import type { AudioChunk } from '../audio/chunk.ts';
import type { AudioFormat } from '../audio/format.ts';

/** A sentence recorded beforehand, for when no model can speak. */
export interface Phrase {
  readonly text: string;
  audio(format: AudioFormat): AudioChunk;
}
