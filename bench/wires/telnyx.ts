import { type CarrierWire, readBase64, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import { MediaFrame, mulawText } from '../media-frame.ts';
import type { RawSocket } from '../raw-socket.ts';

interface Message {
  event?: unknown;
  media?: { payload?: unknown };
  mark?: { name?: unknown };
}

/** Telnyx, "Stream call media over WebSocket", in the mode `rtp` with PCMU; a clear returns all marks at once. */
export class TelnyxWire implements CarrierWire {
  readonly coding = mulaw;
  readonly traits: WireTraits = {
    plays: 'queued',
    acknowledges: 'marks',
    clearedMarks: 'returned',
    blocksPerMessage: 1,
  };
  readonly #socket: RawSocket;
  readonly #callControlId: string;
  readonly #streamId: string;
  readonly #frame: MediaFrame;
  readonly #numbers: [sequence: number, chunk: number, timestamp: number] = [1, 0, 0];

  constructor({
    socket,
    number,
    callControlId,
  }: { socket: RawSocket; number: number; callControlId: string }) {
    this.#socket = socket;
    this.#callControlId = callControlId;
    this.#streamId = `bench-stream-${number}`;
    const numbers = [
      '{"event":"media","sequence_number":"',
      `","stream_id":"${this.#streamId}","media":{"track":"inbound","chunk":"`,
      '","timestamp":"',
    ];
    const template = { numbers, beforePayload: '","payload":"', afterPayload: '"}}' };
    this.#frame = new MediaFrame(template, mulawText(number), socket.maskKey);
  }

  start(events: WireEvents): void {
    this.#socket.listen({
      message: (payload, isText) => onMessage(payload, isText, events),
      closed: (_clean, problem) => events.closed(problem),
    });
    this.#socket.sendText('{"event":"connected","version":"1.0.0"}');
    const start = {
      call_control_id: this.#callControlId,
      media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
    };
    this.#send({ event: 'start', sequence_number: '1', stream_id: this.#streamId, start });
  }

  send(block: number): void {
    const numbers = this.#numbers;
    numbers[0] += 1;
    numbers[1] = block + 1;
    numbers[2] = block * 20;
    this.#socket.write(this.#frame.at(numbers, block, this.#socket.backedUp));
  }

  acknowledge(name: string): void {
    const sequence_number = String(++this.#numbers[0]);
    this.#send({ event: 'mark', stream_id: this.#streamId, sequence_number, mark: { name } });
  }

  hangUp(): void {
    const sequence_number = String(++this.#numbers[0]);
    const stop = { call_control_id: this.#callControlId };
    this.#send({ event: 'stop', sequence_number, stream_id: this.#streamId, stop });
    this.#socket.close();
  }

  #send(message: object): void {
    this.#socket.sendText(JSON.stringify(message));
  }
}

function onMessage(payload: Buffer, isText: boolean, events: WireEvents): void {
  const nowMs = performance.now();
  const message = readJson<Message>(payload, isText, events);
  switch (message?.event) {
    case 'media': {
      const audio = readBase64(message.media?.payload, events);
      if (!audio) return;
      if (audio.length < mulaw.blockBytes) events.violation('less than 20 ms in a media message');
      events.audio(audio, nowMs);
      return;
    }
    case 'mark':
      if (typeof message.mark?.name === 'string') events.mark(message.mark.name, nowMs);
      else events.violation('mark without a name');
      return;
    case 'clear':
      events.clear(nowMs);
      return;
    default:
      if (message) events.violation(`unknown event to the carrier: ${String(message.event)}`);
  }
}
