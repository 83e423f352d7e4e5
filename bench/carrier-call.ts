import { CarrierFrame } from './carrier-frame.ts';
import { CarrierLedger } from './carrier-ledger.ts';
import type { Conversation } from './conversation.ts';
import type { RawSocket } from './raw-socket.ts';
import { blockBytes, findStamp, readStamp, stampBytes } from './stamps.ts';
import type { Interruption, Switchboard } from './switchboard.ts';

const sentRing = 4096;
/** The number of audio that carries no stamp of ours: an apology, a tone. */
const foreignItem = 0;

interface PendingMark {
  readonly name: string;
  dueMs: number;
  returnMs: number;
}

interface CarrierMessage {
  event?: unknown;
  streamSid?: unknown;
  media?: { payload?: unknown };
  mark?: { name?: unknown };
}

/**
 * The carrier's end of one call, as Twilio Media Streams has it: sends a frame per 20 ms, plays what it gets,
 * returns marks when they are due and at once after a clear.
 */
export class CarrierCall {
  readonly number: number;
  readonly conversation: Conversation;
  readonly ledger = new CarrierLedger();
  /** The last time that the caller started to speak. */
  interruption: Interruption | undefined;
  /** What the model side expects next; lives here because a call has one upstream. */
  nextArrival = 0;
  #ended = false;
  readonly #board: Switchboard<CarrierCall>;
  readonly #socket: RawSocket;
  readonly #streamSid: string;
  readonly #callSid: string;
  readonly #frame: CarrierFrame;
  readonly #sentAtMs = new Float64Array(sentRing);
  readonly #marks: PendingMark[] = [];
  readonly #onLost: () => void;
  #nextFrame = 0;
  #sequence = 1;
  #deadUpTo = -1;
  /** Of the block that is being received: its item and the bytes still to come. */
  #blockItem = foreignItem;
  #blockRest = 0;
  #carry: Buffer = Buffer.alloc(0);

  constructor(options: {
    board: Switchboard<CarrierCall>;
    socket: RawSocket;
    number: number;
    callSid: string;
    conversation: Conversation;
    onLost: () => void;
  }) {
    this.#board = options.board;
    this.#socket = options.socket;
    this.number = options.number;
    this.conversation = options.conversation;
    this.#callSid = options.callSid;
    this.#streamSid = `MZ${String(options.number).padStart(32, '0')}`;
    this.#frame = new CarrierFrame(
      options.number,
      this.#streamSid,
      options.socket.maskKey ?? new Uint8Array(4),
    );
    this.#onLost = options.onLost;
    this.#board.addCall(this);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get framesSent(): number {
    return this.#nextFrame;
  }

  sentAtMs(frame: number): number {
    return this.#sentAtMs[frame % sentRing] ?? Number.NaN;
  }

  start(customParameters: Readonly<Record<string, string>>): void {
    this.#socket.listen({
      message: (payload, isText) => this.#onMessage(payload, isText),
      closed: (_clean, problem) => {
        if (!this.#ended) {
          this.#board.meter.violations.add(
            `carrier socket closed in the call${problem ? `: ${problem}` : ''}`,
          );
          this.#onLost();
        }
        this.#end();
      },
    });
    const accountSid = `AC${'0'.repeat(32)}`;
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const streamSid = this.#streamSid;
    const start = {
      accountSid,
      streamSid,
      callSid: this.#callSid,
      tracks: ['inbound'],
      mediaFormat,
      customParameters,
    };
    this.#socket.sendText('{"event":"connected","protocol":"Call","version":"1.0.0"}');
    this.#send({ event: 'start', sequenceNumber: '1', start, streamSid });
  }

  /** Sends the next 20 ms of the caller's side. */
  beat(nowMs: number): void {
    const index = this.#nextFrame++;
    this.#sentAtMs[index % sentRing] = nowMs;
    this.#board.meter.framesSent += 1;
    this.#sequence += 1;
    this.#socket.write(this.#frame.at(index, this.#sequence, this.#socket.backedUp));
  }

  /** Hangs up as the carrier does: `stop`, then the socket. */
  hangUp(): void {
    if (this.#ended) return;
    const stop = { accountSid: `AC${'0'.repeat(32)}`, callSid: this.#callSid };
    this.#send({
      event: 'stop',
      sequenceNumber: String(this.#sequence + 1),
      stop,
      streamSid: this.#streamSid,
    });
    this.#end();
    this.#socket.close();
  }

  #end(): void {
    this.#ended = true;
    this.#board.removeCall(this);
  }

  #send(message: object): void {
    this.#socket.sendText(JSON.stringify(message));
  }

  #onMessage(payload: Buffer, isText: boolean): void {
    if (this.#ended) return;
    const nowMs = performance.now();
    const { violations } = this.#board.meter;
    if (!isText) {
      violations.add('binary frame to the carrier');
      return;
    }
    const message = parse(payload);
    if (!message) {
      violations.add('message to the carrier is not a JSON object');
      return;
    }
    if (message.streamSid !== this.#streamSid) violations.add('wrong or missing streamSid');
    if (message.event === 'media') this.#onMedia(message.media?.payload, nowMs);
    else if (message.event === 'mark') this.#onMark(message.mark?.name, nowMs);
    else if (message.event === 'clear') this.#onClear(nowMs);
    else violations.add(`unknown event to the carrier: ${String(message.event)}`);
  }

  #onMedia(payload: unknown, nowMs: number): void {
    if (typeof payload !== 'string' || payload.length === 0) {
      this.#board.meter.violations.add('media without payload');
      return;
    }
    const audio = Buffer.from(payload, 'base64');
    const padding = payload.endsWith('==') ? 2 : payload.endsWith('=') ? 1 : 0;
    if (audio.length !== (payload.length / 4) * 3 - padding) {
      this.#board.meter.violations.add('payload is not base64');
    }
    this.#takeAudio(audio, nowMs);
  }

  /** Assigns every byte to the answer that it belongs to, whatever the message boundaries are. */
  #takeAudio(audio: Buffer, nowMs: number): void {
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, audio]) : audio;
    this.#carry = Buffer.alloc(0);
    let at = 0;
    while (at < bytes.length) {
      if (this.#blockRest === 0) {
        const rest = bytes.length - at;
        if (rest < stampBytes) {
          this.#carry = Buffer.from(bytes.subarray(at));
          return;
        }
        const stamp = readStamp(bytes, at);
        if (stamp) {
          this.#blockItem = stamp.id;
          this.#blockRest = blockBytes;
          this.#onBlock(stamp.id, stamp.sequence, nowMs);
        } else {
          const next = findStamp(bytes, at);
          this.#blockItem = foreignItem;
          this.#blockRest = (next < 0 ? bytes.length : next) - at;
        }
      }
      const count = Math.min(this.#blockRest, bytes.length - at);
      this.ledger.queue(nowMs, this.#blockItem, count);
      if (this.#blockItem !== foreignItem && this.#blockItem <= this.#deadUpTo)
        this.#board.meter.deadBytes += count;
      this.#blockRest -= count;
      at += count;
    }
  }

  #onBlock(itemNumber: number, block: number, nowMs: number): void {
    const item = this.#board.item(itemNumber);
    const { meter } = this.#board;
    if (!item) {
      meter.violations.add('audio of an unknown answer');
      return;
    }
    if (block !== item.nextBlock && itemNumber > this.#deadUpTo) {
      if (block > item.nextBlock) meter.downstreamBlocksLost += block - item.nextBlock;
      else meter.violations.add('audio repeated or out of order');
    }
    item.nextBlock = block + 1;
    if (!meter.measuring || block % item.blocksPerDelta !== 0) return;
    const sentAtMs = item.sentAtMs[block / item.blocksPerDelta] ?? Number.NaN;
    if (sentAtMs >= meter.windowStartMs) meter.downstreamMs.add(nowMs - sentAtMs);
  }

  #onMark(name: unknown, nowMs: number): void {
    if (typeof name !== 'string') {
      this.#board.meter.violations.add('mark without a name');
      return;
    }
    const dueMs = Math.max(nowMs, this.ledger.endMs);
    const mark: PendingMark = { name, dueMs, returnMs: 0 };
    this.#schedule(mark, this.#marks.at(-1)?.returnMs ?? 0);
    this.#marks.push(mark);
  }

  #onClear(nowMs: number): void {
    const { interruption } = this;
    const { meter } = this.#board;
    this.ledger.clear(nowMs);
    // A subject may cut within a block; what follows a clear starts a new one.
    this.#blockRest = 0;
    this.#carry = Buffer.alloc(0);
    let lastReturnMs = 0;
    for (const mark of this.#marks) {
      if (mark.dueMs > nowMs) {
        mark.dueMs = nowMs;
        this.#schedule(mark, lastReturnMs);
      }
      lastReturnMs = mark.returnMs;
    }
    if (!interruption || interruption.clearedAtMs !== undefined) return;
    interruption.clearedAtMs = nowMs;
    for (const item of interruption.items) item.heardMs = this.ledger.playedMs(item.number, nowMs);
    this.#deadUpTo = interruption.items.at(-1)?.number ?? this.#deadUpTo;
    if (meter.measuring && interruption.sentAtMs >= meter.windowStartMs) {
      meter.clearMs.add(nowMs - interruption.sentAtMs);
    }
  }

  /** Marks come back late by a random delay, but in order. */
  #schedule(mark: PendingMark, notBeforeMs: number): void {
    const [minMs, maxMs] = this.conversation.markDelayMs;
    mark.returnMs = Math.max(notBeforeMs, mark.dueMs + minMs + Math.random() * (maxMs - minMs));
    this.#board.agenda.at(mark.returnMs, (nowMs) => this.#returnMarks(nowMs));
  }

  #returnMarks(nowMs: number): void {
    if (this.#ended) return;
    for (let first = this.#marks[0]; first && first.returnMs <= nowMs; first = this.#marks[0]) {
      this.#marks.shift();
      const sequenceNumber = String(++this.#sequence);
      this.#send({ event: 'mark', sequenceNumber, streamSid: this.#streamSid, mark: { name: first.name } });
    }
  }
}

function parse(payload: Buffer): CarrierMessage | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
