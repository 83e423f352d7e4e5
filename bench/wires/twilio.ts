import { readBase64, type WireEvents } from '../carrier-wire.ts';
import type { RawSocket } from '../raw-socket.ts';
import { MediaJsonWire } from './media-json-wire.ts';

interface Message {
  event?: unknown;
  streamSid?: unknown;
  media?: { payload?: unknown };
  mark?: { name?: unknown };
}

const accountSid = `AC${'0'.repeat(32)}`;

/** Twilio Media Streams, "WebSocket messages": counters are strings of integers; a clear returns all marks at once. */
export class TwilioWire extends MediaJsonWire<Message> {
  readonly #callSid: string;
  readonly #streamSid: string;
  readonly #customParameters: Readonly<Record<string, string>>;
  readonly #numbers: [sequence: number, chunk: number, timestamp: number] = [1, 0, 0];

  constructor(options: {
    socket: RawSocket;
    number: number;
    callSid: string;
    customParameters: Readonly<Record<string, string>>;
  }) {
    const { socket, number, callSid, customParameters } = options;
    const streamSid = `MZ${String(number).padStart(32, '0')}`;
    const numbers = [
      '{"event":"media","sequenceNumber":"',
      '","media":{"track":"inbound","chunk":"',
      '","timestamp":"',
    ];
    const afterPayload = `"},"streamSid":"${streamSid}"}`;
    super(socket, number, { numbers, beforePayload: '","payload":"', afterPayload }, 'returned');
    this.#callSid = callSid;
    this.#customParameters = customParameters;
    this.#streamSid = streamSid;
  }

  protected begin(): void {
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const streamSid = this.#streamSid;
    const start = {
      accountSid,
      streamSid,
      callSid: this.#callSid,
      tracks: ['inbound'],
      mediaFormat,
      customParameters: this.#customParameters,
    };
    this.socket.sendText('{"event":"connected","protocol":"Call","version":"1.0.0"}');
    this.json({ event: 'start', sequenceNumber: '1', start, streamSid });
  }

  send(block: number): void {
    const numbers = this.#numbers;
    numbers[0] += 1;
    numbers[1] = block + 1;
    numbers[2] = block * 20;
    this.media(numbers, block);
  }

  acknowledge(name: string): void {
    const sequenceNumber = String(++this.#numbers[0]);
    this.json({ event: 'mark', sequenceNumber, streamSid: this.#streamSid, mark: { name } });
  }

  /** `stop`, then the socket. */
  hangUp(): void {
    const sequenceNumber = String(++this.#numbers[0]);
    const stop = { accountSid, callSid: this.#callSid };
    this.json({ event: 'stop', sequenceNumber, stop, streamSid: this.#streamSid });
    this.socket.close();
  }

  protected read(message: Message, nowMs: number, events: WireEvents): void {
    if (message.streamSid !== this.#streamSid) events.violation('wrong or missing streamSid');
    switch (message.event) {
      case 'media': {
        const audio = readBase64(message.media?.payload, events);
        if (audio) events.audio(audio, nowMs);
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
