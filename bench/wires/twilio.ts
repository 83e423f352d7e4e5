import { type CarrierWire, readBase64, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import { MediaFrame, mulawText } from '../media-frame.ts';
import type { RawSocket } from '../raw-socket.ts';

interface Message {
  event?: unknown;
  streamSid?: unknown;
  media?: { payload?: unknown };
  mark?: { name?: unknown };
}

const accountSid = `AC${'0'.repeat(32)}`;

/** Twilio Media Streams, "WebSocket messages": counters are strings of integers; a clear returns all marks at once. */
export class TwilioWire implements CarrierWire {
  readonly coding = mulaw;
  readonly traits: WireTraits = {
    plays: 'queued',
    acknowledges: 'marks',
    clearedMarks: 'returned',
    blocksPerMessage: 1,
  };
  readonly #socket: RawSocket;
  readonly #callSid: string;
  readonly #streamSid: string;
  readonly #customParameters: Readonly<Record<string, string>>;
  readonly #frame: MediaFrame;
  readonly #numbers: [sequence: number, chunk: number, timestamp: number] = [1, 0, 0];

  constructor(options: {
    socket: RawSocket;
    number: number;
    callSid: string;
    customParameters: Readonly<Record<string, string>>;
  }) {
    const { socket, number, callSid, customParameters } = options;
    this.#socket = socket;
    this.#callSid = callSid;
    this.#customParameters = customParameters;
    this.#streamSid = `MZ${String(number).padStart(32, '0')}`;
    const numbers = [
      '{"event":"media","sequenceNumber":"',
      '","media":{"track":"inbound","chunk":"',
      '","timestamp":"',
    ];
    const afterPayload = `"},"streamSid":"${this.#streamSid}"}`;
    const template = { numbers, beforePayload: '","payload":"', afterPayload };
    this.#frame = new MediaFrame(template, mulawText(number), socket.maskKey);
  }

  start(events: WireEvents): void {
    this.#socket.listen({
      message: (payload, isText) => this.#onMessage(payload, isText, events),
      closed: (_clean, problem) => events.closed(problem),
    });
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
    this.#socket.sendText('{"event":"connected","protocol":"Call","version":"1.0.0"}');
    this.#send({ event: 'start', sequenceNumber: '1', start, streamSid });
  }

  send(block: number): void {
    const numbers = this.#numbers;
    numbers[0] += 1;
    numbers[1] = block + 1;
    numbers[2] = block * 20;
    this.#socket.write(this.#frame.at(numbers, block, this.#socket.backedUp));
  }

  acknowledge(name: string): void {
    const sequenceNumber = String(++this.#numbers[0]);
    this.#send({ event: 'mark', sequenceNumber, streamSid: this.#streamSid, mark: { name } });
  }

  /** `stop`, then the socket. */
  hangUp(): void {
    const sequenceNumber = String(++this.#numbers[0]);
    const stop = { accountSid, callSid: this.#callSid };
    this.#send({ event: 'stop', sequenceNumber, stop, streamSid: this.#streamSid });
    this.#socket.close();
  }

  #send(message: object): void {
    this.#socket.sendText(JSON.stringify(message));
  }

  #onMessage(payload: Buffer, isText: boolean, events: WireEvents): void {
    const nowMs = performance.now();
    const message = readJson<Message>(payload, isText, events);
    if (!message) return;
    if (message.streamSid !== this.#streamSid) events.violation('wrong or missing streamSid');
    switch (message.event) {
      case 'media': {
        const audio = readBase64(message.media?.payload, events);
        if (audio) events.audio(audio, nowMs);
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
        events.violation(`unknown event to the carrier: ${String(message.event)}`);
    }
  }
}
