import { readBase64, type WireEvents } from '../carrier-wire.ts';
import type { RawSocket } from '../raw-socket.ts';
import { MediaJsonWire } from './media-json-wire.ts';

interface Message {
  event?: unknown;
  streamId?: unknown;
  name?: unknown;
  media?: { payload?: unknown; contentType?: unknown; sampleRate?: unknown };
}

/** When streams began, Unix milliseconds: timestamps count from there. */
const epochMs = 1_767_225_600_000;

/** Plivo, "Audio Streaming Protocol Reference": numbers are numbers, but for the timestamp; a clear forgets checkpoints. */
export class PlivoWire extends MediaJsonWire<Message> {
  readonly #callUuid: string;
  readonly #streamId: string;
  readonly #token: string;
  readonly #numbers: [sequence: number, timestamp: number, chunk: number] = [1, epochMs, 0];

  constructor(options: {
    socket: RawSocket;
    number: number;
    callUuid: string;
    streamId: string;
    /** What the XML's `extraHeaders` held. */
    token: string;
  }) {
    const { socket, number, callUuid, streamId, token } = options;
    const numbers = [
      '{"event":"media","sequenceNumber":',
      `,"streamId":"${streamId}","media":{"track":"inbound","timestamp":"`,
      '","chunk":',
    ];
    const afterPayload = `"},"extra_headers":"token=${token}"}`;
    super(socket, number, { numbers, beforePayload: ',"payload":"', afterPayload }, 'dropped');
    this.#callUuid = callUuid;
    this.#streamId = streamId;
    this.#token = token;
  }

  protected begin(): void {
    const start = {
      callId: this.#callUuid,
      streamId: this.#streamId,
      accountId: 'MABENCH',
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
    };
    this.json({ event: 'start', sequenceNumber: 1, start, extra_headers: `token=${this.#token}` });
  }

  send(block: number): void {
    const numbers = this.#numbers;
    numbers[0] += 1;
    numbers[1] = epochMs + block * 20;
    numbers[2] = block + 1;
    this.media(numbers, block);
  }

  acknowledge(name: string): void {
    const sequenceNumber = ++this.#numbers[0];
    this.json({ event: 'playedStream', sequenceNumber, streamId: this.#streamId, name });
  }

  /** Plivo says nothing: it closes the socket. */
  hangUp(): void {
    this.socket.close();
  }

  protected read(message: Message, nowMs: number, events: WireEvents): void {
    if (message.streamId !== this.#streamId) events.violation('wrong or missing streamId');
    switch (message.event) {
      case 'playAudio':
        this.#playAudio(message.media, nowMs, events);
        return;
      case 'checkpoint':
        this.readMark(message.name, nowMs, events);
        return;
      case 'clearAudio': {
        events.clear(nowMs);
        const sequenceNumber = ++this.#numbers[0];
        this.json({ event: 'clearedAudio', sequenceNumber, streamId: this.#streamId });
        return;
      }
      default:
        this.readUnknown(message, events);
    }
  }

  #playAudio(media: Message['media'], nowMs: number, events: WireEvents): void {
    if (media?.contentType !== 'audio/x-mulaw' || Number(media.sampleRate) !== 8000)
      events.violation('playAudio in another format');
    const audio = readBase64(media?.payload, events);
    if (audio) events.audio(audio, nowMs);
  }
}
