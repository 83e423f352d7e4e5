import { Acknowledgements } from './acknowledgements.ts';
import { BlockReader, foreignId } from './block-reader.ts';
import { ArrivalLedger, type CarrierLedger, QueueLedger } from './carrier-ledger.ts';
import type { CarrierWire } from './carrier-wire.ts';
import type { Conversation } from './conversation.ts';
import type { FrameGrid } from './frame-grid.ts';
import type { Stamp } from './stamps.ts';
import type { AnswerItem, Interruption, Switchboard } from './switchboard.ts';

const sentRing = 4096;
/** A carrier without a queue is silent this long after a barge-in at the latest. */
const silentWithinMs = 500;
/** How late a carrier tells that it began or ended. */
const eventDelayMs = [0, 20] as const;
/** To a carrier without a queue one frame may have been on its way when the model was told. */
const crossingMs = 20;

/**
 * The carrier's end of one call, whatever the carrier: sends a block per 20 ms, plays what it gets and says so as the
 * carrier does.
 */
export class CarrierCall {
  readonly number: number;
  readonly conversation: Conversation;
  readonly ledger: CarrierLedger;
  /** The last time that the caller started to speak. */
  interruption: Interruption | undefined;
  /** What the model side expects next; lives here because a call has one upstream. */
  nextArrival = 0;
  /** When frames came, where that is looked at. */
  grid: FrameGrid | undefined;
  #ended = false;
  readonly #board: Switchboard<CarrierCall>;
  readonly #wire: CarrierWire;
  readonly #sentAtMs = new Float64Array(sentRing);
  readonly #acknowledgements: Acknowledgements;
  readonly #reader: BlockReader;
  readonly #onLost: () => void;
  #nextFrame = 0;
  /** Blocks that wait for the message that they leave in. */
  #waiting = 0;
  #deadUpTo = -1;
  /** When the audio that is being read came. */
  #nowMs = 0;
  /** `events`: whether the carrier plays, and how often it has begun to. */
  #playing = false;
  #stretch = 0;

  constructor(options: {
    board: Switchboard<CarrierCall>;
    wire: CarrierWire;
    number: number;
    conversation: Conversation;
    onLost: () => void;
  }) {
    const { board, wire, number, conversation } = options;
    this.#board = board;
    this.#wire = wire;
    this.number = number;
    this.conversation = conversation;
    this.#onLost = options.onLost;
    const { markDelayMs } = conversation;
    const tellsEvents = wire.traits.acknowledges === 'events';
    this.ledger = this.#queues
      ? new QueueLedger(() => (tellsEvents ? between(markDelayMs) : 0))
      : new ArrivalLedger();
    // One that tells when it begins does begin late, and tells that sooner.
    const delayMs = tellsEvents ? eventDelayMs : markDelayMs;
    this.#acknowledgements = new Acknowledgements(board.agenda, delayMs, (name) => wire.acknowledge(name));
    this.#reader = new BlockReader(wire.coding, {
      block: (stamp) => this.#onBlock(stamp),
      audio: (id, bytes) => this.#onAudio(id, bytes),
    });
    board.addCall(this);
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

  start(): void {
    const { violations } = this.#board.meter;
    this.#wire.start({
      audio: (bytes, nowMs) => this.#take(bytes, nowMs),
      mark: (name, nowMs) => this.#onMark(name, nowMs),
      clear: (nowMs) => this.#onClear(nowMs),
      violation: (what) => violations.add(what),
      closed: (problem) => {
        if (!this.#ended) {
          violations.add(`carrier socket closed in the call${problem ? `: ${problem}` : ''}`);
          this.#onLost();
        }
        this.#end();
      },
    });
  }

  /** The next 20 ms of the caller's side. */
  beat(nowMs: number): void {
    const { blocksPerMessage } = this.#wire.traits;
    this.#waiting += 1;
    if (this.#waiting < blocksPerMessage) return;
    this.#waiting = 0;
    const first = this.#nextFrame;
    this.#nextFrame += blocksPerMessage;
    for (let frame = first; frame < this.#nextFrame; frame++) this.#sentAtMs[frame % sentRing] = nowMs;
    this.#board.meter.framesSent += blocksPerMessage;
    this.#wire.send(first);
  }

  hangUp(): void {
    if (this.#ended) return;
    this.#end();
    this.#wire.hangUp();
  }

  /** How much of these answers the caller has still to hear, as far as it was generated. */
  toPlayMs(items: readonly AnswerItem[], nowMs: number): number {
    if (this.#queues) return this.ledger.endMs - nowMs;
    let leftMs = 0;
    for (const { number, generatedMs } of items) leftMs += generatedMs - this.ledger.playedMs(number, nowMs);
    return leftMs;
  }

  /** Whether the answers that were interrupted fell silent. */
  hasStopped({ items, sentAtMs, clearedAtMs }: Interruption): boolean {
    if (this.#queues) return clearedAtMs !== undefined;
    return items.every(({ lastHeardAtMs }) => lastHeardAtMs < sentAtMs + silentWithinMs);
  }

  get #queues(): boolean {
    return this.#wire.traits.plays === 'queued';
  }

  #end(): void {
    this.#ended = true;
    this.#acknowledgements.end();
    this.#board.removeCall(this);
  }

  #take(bytes: Buffer, nowMs: number): void {
    if (this.#ended) return;
    this.grid?.arrived(nowMs);
    this.#nowMs = nowMs;
    this.#reader.take(bytes);
    if (this.#wire.traits.acknowledges === 'events' && !this.#playing) this.#began();
  }

  #onAudio(id: number, bytes: number): void {
    this.ledger.queue(this.#nowMs, id, bytes / this.#wire.coding.bytesPerMs);
    if (id === foreignId) return;
    if (this.#queues) {
      if (id <= this.#deadUpTo) this.#board.meter.deadBytes += bytes;
      return;
    }
    const item = this.#board.item(id);
    if (!item) return;
    item.lastHeardAtMs = this.#nowMs;
    if (this.#nowMs > item.claimedAtMs + crossingMs) this.#board.meter.deadBytes += bytes;
  }

  #onBlock({ id, sequence }: Stamp): void {
    const item = this.#board.item(id);
    const { meter } = this.#board;
    if (!item) {
      meter.violations.add('audio of an unknown answer');
      return;
    }
    if (sequence !== item.nextBlock && id > this.#deadUpTo) {
      if (sequence > item.nextBlock) meter.downstreamBlocksLost += sequence - item.nextBlock;
      else meter.violations.add('audio repeated or out of order');
    }
    item.nextBlock = sequence + 1;
    if (!meter.measuring || sequence % item.blocksPerDelta !== 0) return;
    const sentAtMs = item.sentAtMs[sequence / item.blocksPerDelta] ?? Number.NaN;
    if (sentAtMs >= meter.windowStartMs) meter.downstreamMs.add(this.#nowMs - sentAtMs);
  }

  #onMark(name: string, nowMs: number): void {
    if (!this.#ended) this.#acknowledgements.add(name, Math.max(nowMs, this.ledger.endMs));
  }

  #onClear(nowMs: number): void {
    if (this.#ended) return;
    const { interruption } = this;
    const { meter } = this.#board;
    this.ledger.clear(nowMs);
    // A subject may cut within a block; what follows a clear starts a new one.
    this.#reader.restart();
    this.#acknowledgeClear(nowMs);
    if (!interruption || interruption.clearedAtMs !== undefined) return;
    interruption.clearedAtMs = nowMs;
    for (const item of interruption.items) item.heardMs = this.ledger.playedMs(item.number, nowMs);
    this.#deadUpTo = interruption.items.at(-1)?.number ?? this.#deadUpTo;
    if (meter.measuring && interruption.sentAtMs >= meter.windowStartMs) {
      meter.clearMs.add(nowMs - interruption.sentAtMs);
    }
  }

  #acknowledgeClear(nowMs: number): void {
    const { acknowledges, clearedMarks } = this.#wire.traits;
    if (acknowledges === 'marks' && clearedMarks === 'returned') this.#acknowledgements.hasten(nowMs);
    else this.#acknowledgements.drop(nowMs);
    if (!this.#playing) return;
    this.#playing = false;
    const began = this.ledger.sinceMs <= nowMs;
    if (began && clearedMarks === 'returned') this.#acknowledgements.add('completed', nowMs);
  }

  /** Silence is over. */
  #began(): void {
    this.#playing = true;
    this.#stretch += 1;
    this.#acknowledgements.add('started', this.ledger.sinceMs);
    this.#lookForEnd(this.#stretch, this.ledger.endMs);
  }

  #lookForEnd(stretch: number, atMs: number): void {
    this.#board.agenda.at(atMs, (nowMs) => {
      if (this.#ended || !this.#playing || stretch !== this.#stretch) return;
      if (this.ledger.endMs > nowMs) {
        this.#lookForEnd(stretch, this.ledger.endMs);
        return;
      }
      this.#playing = false;
      this.#acknowledgements.add('completed', nowMs);
    });
  }
}

function between([min, max]: readonly [min: number, max: number]): number {
  return min + Math.random() * (max - min);
}
