import { type CarrierWire, readBase64, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { slin8 } from '../codings.ts';
import { MediaFrame, slin8Text } from '../media-frame.ts';
import type { RawSocket } from '../raw-socket.ts';

interface Message {
  type?: unknown;
  audio?: unknown;
}

/** Agent Voice Response, the wiki's "AVR-STS Integration Implementation": 16 bit at 8 kHz, a queue, no word of what was played. */
export class AvrWire implements CarrierWire {
  readonly coding = slin8;
  readonly traits: WireTraits = {
    plays: 'queued',
    acknowledges: 'nothing',
    clearedMarks: 'dropped',
    blocksPerMessage: 1,
  };
  readonly #socket: RawSocket;
  readonly #uuid: string;
  readonly #frame: MediaFrame;

  constructor({ socket, number, uuid }: { socket: RawSocket; number: number; uuid: string }) {
    this.#socket = socket;
    this.#uuid = uuid;
    const template = { numbers: [], beforePayload: '{"type":"audio","audio":"', afterPayload: '"}' };
    this.#frame = new MediaFrame(template, slin8Text(number), socket.maskKey);
  }

  start(events: WireEvents): void {
    this.#socket.listen({
      message: (payload, isText) => onMessage(payload, isText, events),
      closed: (_clean, problem) => events.closed(problem),
    });
    this.#socket.sendText(JSON.stringify({ type: 'init', uuid: this.#uuid }));
  }

  send(block: number): void {
    this.#socket.write(this.#frame.at([], block, this.#socket.backedUp));
  }

  acknowledge(): void {
    // AVR says nothing.
  }

  hangUp(): void {
    this.#socket.close();
  }
}

function onMessage(payload: Buffer, isText: boolean, events: WireEvents): void {
  const nowMs = performance.now();
  const message = readJson<Message>(payload, isText, events);
  switch (message?.type) {
    case 'audio': {
      const audio = readBase64(message.audio, events);
      if (!audio) return;
      if (audio.length !== slin8.blockBytes) events.violation('audio that is not one frame');
      events.audio(audio, nowMs);
      return;
    }
    case 'interruption':
      events.clear(nowMs);
      return;
    case 'transcript':
    case 'ready':
      return;
    default:
      if (message) events.violation(`unknown message to the carrier: ${String(message.type)}`);
  }
}
