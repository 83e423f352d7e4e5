import { type CarrierWire, readBase64, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import { MediaFrame, mulawText } from '../media-frame.ts';
import type { RawSocket } from '../raw-socket.ts';

interface Message {
  event?: unknown;
  streamId?: unknown;
  name?: unknown;
  media?: { payload?: unknown; contentType?: unknown; sampleRate?: unknown };
}

/** When streams began, Unix milliseconds: timestamps count from there. */
const epochMs = 1_767_225_600_000;

/** Plivo, "Audio Streaming Protocol Reference": numbers are numbers, but for the timestamp; a clear forgets checkpoints. */
export class PlivoWire implements CarrierWire {
  readonly coding = mulaw;
  readonly traits: WireTraits = {
    plays: 'queued',
    acknowledges: 'marks',
    clearedMarks: 'dropped',
    blocksPerMessage: 1,
  };
  readonly #socket: RawSocket;
  readonly #callUuid: string;
  readonly #streamId: string;
  readonly #token: string;
  readonly #frame: MediaFrame;
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
    this.#socket = socket;
    this.#callUuid = callUuid;
    this.#streamId = streamId;
    this.#token = token;
    const numbers = [
      '{"event":"media","sequenceNumber":',
      `,"streamId":"${streamId}","media":{"track":"inbound","timestamp":"`,
      '","chunk":',
    ];
    const afterPayload = `"},"extra_headers":"token=${token}"}`;
    const template = { numbers, beforePayload: ',"payload":"', afterPayload };
    this.#frame = new MediaFrame(template, mulawText(number), socket.maskKey);
  }

  start(events: WireEvents): void {
    this.#socket.listen({
      message: (payload, isText) => this.#onMessage(payload, isText, events),
      closed: (_clean, problem) => events.closed(problem),
    });
    const start = {
      callId: this.#callUuid,
      streamId: this.#streamId,
      accountId: 'MABENCH',
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000 },
    };
    this.#send({ event: 'start', sequenceNumber: 1, start, extra_headers: `token=${this.#token}` });
  }

  send(block: number): void {
    const numbers = this.#numbers;
    numbers[0] += 1;
    numbers[1] = epochMs + block * 20;
    numbers[2] = block + 1;
    this.#socket.write(this.#frame.at(numbers, block, this.#socket.backedUp));
  }

  acknowledge(name: string): void {
    const sequenceNumber = ++this.#numbers[0];
    this.#send({ event: 'playedStream', sequenceNumber, streamId: this.#streamId, name });
  }

  /** Plivo says nothing: it closes the socket. */
  hangUp(): void {
    this.#socket.close();
  }

  #send(message: object): void {
    this.#socket.sendText(JSON.stringify(message));
  }

  #onMessage(payload: Buffer, isText: boolean, events: WireEvents): void {
    const nowMs = performance.now();
    const message = readJson<Message>(payload, isText, events);
    if (!message) return;
    if (message.streamId !== this.#streamId) events.violation('wrong or missing streamId');
    switch (message.event) {
      case 'playAudio':
        this.#playAudio(message.media, nowMs, events);
        return;
      case 'checkpoint':
        if (typeof message.name === 'string') events.mark(message.name, nowMs);
        else events.violation('checkpoint without a name');
        return;
      case 'clearAudio': {
        events.clear(nowMs);
        const sequenceNumber = ++this.#numbers[0];
        this.#send({ event: 'clearedAudio', sequenceNumber, streamId: this.#streamId });
        return;
      }
      default:
        events.violation(`unknown event to the carrier: ${String(message.event)}`);
    }
  }

  #playAudio(media: Message['media'], nowMs: number, events: WireEvents): void {
    if (media?.contentType !== 'audio/x-mulaw' || Number(media.sampleRate) !== 8000)
      events.violation('playAudio in another format');
    const audio = readBase64(media?.payload, events);
    if (audio) events.audio(audio, nowMs);
  }
}
