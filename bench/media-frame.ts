import { slin8 } from './codings.ts';
import { bitSamples, bitsOf } from './linear-stamps.ts';
import { applyMask, headerLength, opcodes, writeHeader } from './raw-websocket.ts';
import { quietBlock, stampChars, writeMaskedSextets, writeStamp } from './stamps.ts';

const digitZero = 48;

/** A block of 20 ms in base64, of which only the stamp's sequence changes. */
export interface TextBlock {
  /** As it is with sequence 0. */
  readonly text: string;
  /** Writes the sequence into a masked frame in which the text stands at `at`. */
  write(frame: Buffer, at: number, sequence: number, payloadStart: number, maskKey: Uint8Array): void;
}

/** µ-law: a stamp is 16 characters, of which the last 8 are the sequence. */
export function mulawText(id: number): TextBlock {
  const block = quietBlock(id);
  writeStamp(block, 0, id, 0);
  return {
    text: block.toString('base64'),
    write: (frame, at, sequence, payloadStart, maskKey) =>
      writeMaskedSextets(frame, at + stampChars, 8, sequence, payloadStart, maskKey),
  };
}

/** 16 bit at 8 kHz: a bit is 6 bytes, 8 characters. */
export function slin8Text(id: number): TextBlock {
  const block = Buffer.alloc(slin8.blockBytes);
  slin8.writeBlock(block, 0, id, 0);
  const texts = [0, 1].map((bit) => Buffer.from(bitSamples(bit, 8000).toString('base64')));
  let masked: readonly Buffer[] = [];
  let maskedFor = -1;
  return {
    text: block.toString('base64'),
    write(frame, at, sequence, payloadStart, maskKey) {
      // A character's place in the mask is the same in every bit.
      const phase = (at - payloadStart) & 3;
      if (maskedFor !== phase) {
        masked = texts.map((text) => maskedFrom(text, phase, maskKey));
        maskedFor = phase;
      }
      let to = at;
      for (const bit of bitsOf(id, sequence)) {
        frame.set(masked[bit] ?? texts[bit] ?? [], to);
        to += 8;
      }
    },
  };
}

function maskedFrom(text: Buffer, phase: number, maskKey: Uint8Array): Buffer {
  return text.map((code, index) => code ^ (maskKey[(index + phase) & 3] ?? 0)) as Buffer;
}

/** The text of a media message around its numbers and its payload. */
export interface MediaTemplate {
  /** What stands before each number. */
  readonly numbers: readonly string[];
  readonly beforePayload: string;
  readonly afterPayload: string;
}

/**
 * The media message of one call as a masked, finished frame in which only the numbers and the stamp change from one
 * 20 ms frame to the next.
 */
export class MediaFrame {
  readonly #template: MediaTemplate;
  readonly #block: TextBlock;
  readonly #maskKey: Uint8Array;
  #frame = Buffer.alloc(0);
  #widths = -1;
  #payloadStart = 0;
  readonly #numberEnds: number[] = [];
  #blockAt = 0;

  constructor(template: MediaTemplate, block: TextBlock, maskKey: Uint8Array) {
    this.#template = template;
    this.#block = block;
    this.#maskKey = maskKey;
  }

  /**
   * The frame with these numbers and this stamp. The buffer is the same each time; with `fresh` it is a new one, for
   * when the last one may still wait to be written.
   */
  at(numbers: readonly number[], sequence: number, fresh: boolean): Buffer {
    let widths = 0;
    for (const number of numbers) widths = widths * 20 + digits(number);
    if (widths !== this.#widths || fresh) {
      this.#build(numbers);
      this.#widths = widths;
    }
    for (const [index, number] of numbers.entries()) this.#number(this.#numberEnds[index] ?? 0, number);
    this.#block.write(this.#frame, this.#blockAt, sequence, this.#payloadStart, this.#maskKey);
    return this.#frame;
  }

  #build(numbers: readonly number[]): void {
    const ends: number[] = [];
    let text = '';
    for (const [index, before] of this.#template.numbers.entries()) {
      text += `${before}${numbers[index]}`;
      ends.push(text.length);
    }
    text += this.#template.beforePayload;
    const blockAt = text.length;
    text += this.#block.text + this.#template.afterPayload;
    this.#payloadStart = headerLength(text.length) + 4;
    const frame = Buffer.alloc(this.#payloadStart + text.length);
    writeHeader(frame, opcodes.text, text.length, this.#maskKey);
    frame.write(text, this.#payloadStart, 'latin1');
    applyMask(frame, this.#payloadStart, text.length, this.#maskKey);
    this.#frame = frame;
    this.#blockAt = this.#payloadStart + blockAt;
    this.#numberEnds.length = 0;
    for (const end of ends) this.#numberEnds.push(this.#payloadStart + end);
  }

  /** Writes the digits of `value` so that they end before `end`. */
  #number(end: number, value: number): void {
    let rest = value;
    let at = end - 1;
    do {
      const high = Math.floor(rest / 10);
      const code = digitZero + rest - high * 10;
      this.#frame[at] = code ^ (this.#maskKey[(at - this.#payloadStart) & 3] ?? 0);
      at -= 1;
      rest = high;
    } while (rest > 0);
  }
}

function digits(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count += 1;
  return count;
}
