import { readBase64, type WireEvents } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import type { RawSocket } from '../raw-socket.ts';
import { MediaJsonWire } from './media-json-wire.ts';

interface Message {
  event?: unknown;
  media?: { payload?: unknown };
  mark?: { name?: unknown };
}

/** Telnyx, "Stream call media over WebSocket", in the mode `rtp` with PCMU; a clear returns all marks at once. */
export class TelnyxWire extends MediaJsonWire<Message> {
  readonly #callControlId: string;
  readonly #streamId: string;
  readonly #numbers: [sequence: number, chunk: number, timestamp: number] = [1, 0, 0];

  constructor({
    socket,
    number,
    callControlId,
  }: { socket: RawSocket; number: number; callControlId: string }) {
    const streamId = `bench-stream-${number}`;
    const numbers = [
      '{"event":"media","sequence_number":"',
      `","stream_id":"${streamId}","media":{"track":"inbound","chunk":"`,
      '","timestamp":"',
    ];
    super(socket, number, { numbers, beforePayload: '","payload":"', afterPayload: '"}}' }, 'returned');
    this.#callControlId = callControlId;
    this.#streamId = streamId;
  }

  protected begin(): void {
    this.socket.sendText('{"event":"connected","version":"1.0.0"}');
    const start = {
      call_control_id: this.#callControlId,
      media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
    };
    this.json({ event: 'start', sequence_number: '1', stream_id: this.#streamId, start });
  }

  send(block: number): void {
    const numbers = this.#numbers;
    numbers[0] += 1;
    numbers[1] = block + 1;
    numbers[2] = block * 20;
    this.media(numbers, block);
  }

  acknowledge(name: string): void {
    const sequence_number = String(++this.#numbers[0]);
    this.json({ event: 'mark', stream_id: this.#streamId, sequence_number, mark: { name } });
  }

  hangUp(): void {
    const sequence_number = String(++this.#numbers[0]);
    const stop = { call_control_id: this.#callControlId };
    this.json({ event: 'stop', sequence_number, stream_id: this.#streamId, stop });
    this.socket.close();
  }

  protected read(message: Message, nowMs: number, events: WireEvents): void {
    switch (message.event) {
      case 'media': {
        const audio = readBase64(message.media?.payload, events);
        if (!audio) return;
        if (audio.length < mulaw.blockBytes) events.violation('less than 20 ms in a media message');
        events.audio(audio, nowMs);
        return;
      }
      case 'mark':
        this.readMark(message.mark?.name, nowMs, events);
        return;
      case 'clear':
        events.clear(nowMs);
        return;
      default:
        this.readUnknown(message, events);
    }
  }
}
