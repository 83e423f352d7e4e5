import { BlockReader } from './block-reader.ts';
import type { Coding } from './coding.ts';
import { mulaw } from './codings.ts';
import { blockChars, readStampText, type Stamp } from './stamps.ts';

const head = Buffer.from('{"type":"input_audio_buffer.append"');
const audioKey = Buffer.from('"audio":"');
const quote = 34;

/** Finds the caller's blocks in the appends to a model, without parsing those. */
export class AppendReader {
  readonly #coding: Coding;
  readonly #onBlock: (stamp: Stamp) => void;
  readonly #blocks: BlockReader;

  constructor(coding: Coding, onBlock: (stamp: Stamp) => void) {
    this.#coding = coding;
    this.#onBlock = onBlock;
    this.#blocks = new BlockReader(coding, { block: onBlock, audio: () => undefined });
  }

  /** False: the message is no append, or one that has to be parsed. */
  take(message: Buffer): boolean {
    if (message.length < head.length || head.compare(message, 0, head.length) !== 0) return false;
    const start = message.indexOf(audioKey) + audioKey.length;
    if (start < audioKey.length) return false;
    const end = message.indexOf(quote, start);
    // The usual case: one block that passed as it was.
    if (this.#coding === mulaw && end - start === blockChars && this.#blocks.isBetweenBlocks) {
      const stamp = readStampText(message, start);
      if (stamp) {
        this.#onBlock(stamp);
        return true;
      }
    }
    this.takeAudio(message.toString('latin1', start, end));
    return true;
  }

  takeAudio(base64: string): void {
    this.#blocks.take(Buffer.from(base64, 'base64'));
  }
}
