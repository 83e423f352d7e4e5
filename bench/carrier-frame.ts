import { applyMask, headerLength, opcodes, writeHeader } from './raw-websocket.ts';
import { quietBlock, stampBytes, stampChars, writeMaskedSextets, writeStamp } from './stamps.ts';

const digitZero = 48;

/**
 * The `media` message of one call as a masked, finished frame in which only the counters and the stamp change
 * from one 20 ms frame to the next. Twilio's "WebSocket messages", `media`: counters are strings of integers.
 */
export class CarrierFrame {
  readonly #callNumber: number;
  readonly #streamSid: string;
  readonly #maskKey: Uint8Array;
  readonly #payload: string;
  #frame = Buffer.alloc(0);
  #widths = -1;
  #payloadStart = 0;
  #sequenceEnd = 0;
  #chunkEnd = 0;
  #timestampEnd = 0;
  #stampEnd = 0;

  constructor(callNumber: number, streamSid: string, maskKey: Uint8Array) {
    this.#callNumber = callNumber;
    this.#streamSid = streamSid;
    this.#maskKey = maskKey;
    this.#payload = quietBlock(callNumber).toString('base64');
  }

  /**
   * The frame with stamp `index` (0, 1, 2 ...) and its `sequenceNumber`. The buffer is the same each time; with `fresh` it is a new one,
   * for when the last one may still wait to be written.
   */
  at(index: number, sequence: number, fresh: boolean): Buffer {
    const chunk = index + 1;
    const timestamp = index * 20;
    const widths = digits(sequence) * 10_000 + digits(chunk) * 100 + digits(timestamp);
    if (widths !== this.#widths || fresh) {
      this.#build(sequence, chunk, timestamp);
      this.#widths = widths;
    }
    this.#number(this.#sequenceEnd, sequence);
    this.#number(this.#chunkEnd, chunk);
    this.#number(this.#timestampEnd, timestamp);
    writeMaskedSextets(this.#frame, this.#stampEnd, 8, index, this.#payloadStart, this.#maskKey);
    return this.#frame;
  }

  #build(sequence: number, chunk: number, timestamp: number): void {
    const head = `{"event":"media","sequenceNumber":"${sequence}`;
    const upToChunk = `${head}","media":{"track":"inbound","chunk":"${chunk}`;
    const upToTimestamp = `${upToChunk}","timestamp":"${timestamp}`;
    const upToPayload = `${upToTimestamp}","payload":"`;
    const text = `${upToPayload}${this.#payload}"},"streamSid":"${this.#streamSid}"}`;
    this.#payloadStart = headerLength(text.length) + 4;
    const frame = Buffer.alloc(this.#payloadStart + text.length);
    writeHeader(frame, opcodes.text, text.length, this.#maskKey);
    frame.write(text, this.#payloadStart, 'latin1');
    const stampStart = this.#payloadStart + upToPayload.length;
    // 12 bytes are 16 characters, so nothing behind the stamp shifts.
    frame.write(stampHead(this.#callNumber), stampStart, 'latin1');
    applyMask(frame, this.#payloadStart, text.length, this.#maskKey);
    this.#frame = frame;
    this.#sequenceEnd = this.#payloadStart + head.length;
    this.#chunkEnd = this.#payloadStart + upToChunk.length;
    this.#timestampEnd = this.#payloadStart + upToTimestamp.length;
    this.#stampEnd = stampStart + stampChars;
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

function stampHead(callNumber: number): string {
  const head = Buffer.alloc(stampBytes);
  writeStamp(head, 0, callNumber, 0);
  return head.toString('base64');
}
