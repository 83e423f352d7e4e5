import { type CarrierWire, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import { MediaFrame, type MediaTemplate, mulawText } from '../media-frame.ts';
import type { RawSocket } from '../raw-socket.ts';

/** What Twilio, Plivo and Telnyx have in common: JSON with µ-law in base64, queued, and marks. */
export abstract class MediaJsonWire<Message extends { event?: unknown }> implements CarrierWire {
  readonly coding = mulaw;
  readonly traits: WireTraits;
  protected readonly socket: RawSocket;
  readonly #frame: MediaFrame;

  protected constructor(
    socket: RawSocket,
    number: number,
    template: MediaTemplate,
    clearedMarks: WireTraits['clearedMarks'],
  ) {
    this.socket = socket;
    this.#frame = new MediaFrame(template, mulawText(number), socket.maskKey);
    this.traits = { plays: 'queued', acknowledges: 'marks', clearedMarks, blocksPerMessage: 1 };
  }

  start(events: WireEvents): void {
    this.socket.listen({
      message: (payload, isText) => {
        const nowMs = performance.now();
        const message = readJson<Message>(payload, isText, events);
        if (message) this.read(message, nowMs, events);
      },
      closed: (_clean, problem) => events.closed(problem),
    });
    this.begin();
  }

  abstract send(block: number): void;
  abstract acknowledge(name: string): void;
  abstract hangUp(): void;

  /** Says what comes before the audio. */
  protected abstract begin(): void;
  protected abstract read(message: Message, nowMs: number, events: WireEvents): void;

  /** The numbers of the template, in their order. */
  protected media(numbers: readonly number[], block: number): void {
    this.socket.write(this.#frame.at(numbers, block, this.socket.backedUp));
  }

  protected json(message: object): void {
    this.socket.sendText(JSON.stringify(message));
  }

  protected readMark(name: unknown, nowMs: number, events: WireEvents): void {
    if (typeof name === 'string') events.mark(name, nowMs);
    else events.violation('mark without a name');
  }

  protected readUnknown({ event }: Message, events: WireEvents): void {
    events.violation(`unknown event to the carrier: ${String(event)}`);
  }
}
