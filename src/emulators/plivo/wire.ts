import type { AudioFormat } from '../../audio/format.ts';
import { frameMs } from '../phone/caller-audio.ts';
import type { Acknowledgement, LineCommand, LineWire } from '../phone/line-wire.ts';
import { readGatewayMessage } from './gateway-message.ts';

export interface PlivoWireOptions {
  readonly callId: string;
  readonly streamId: string;
  readonly accountId: string;
  readonly format: AudioFormat;
  /** As in the XML, `k1=v1,k2=v2`; on the wire the pairs are divided by `;`. */
  readonly extraHeaders: string;
  /** Wall-clock milliseconds at the beginning of the media. */
  epochMs(): number;
}

/**
 * Plivo's end of one bidirectional stream. Plivo, "Stream event protocol": `start` comes first, there is no `connected`
 * and no `stop`; counters are numbers, timestamps are strings; a checkpoint is reported when it was played, and never
 * once a `clearAudio` has dropped it.
 */
export class PlivoWire implements LineWire {
  readonly speaks: AudioFormat;
  readonly hears: AudioFormat;
  readonly marksOnClear = 'dropped';
  readonly #options: PlivoWireOptions;
  readonly #extraHeaders: string;
  #sequence = 0;
  #startedAt = 0;

  constructor(options: PlivoWireOptions) {
    this.#options = options;
    this.speaks = options.format;
    this.hears = options.format;
    this.#extraHeaders = options.extraHeaders.replaceAll(',', ';');
  }

  opening(): readonly string[] {
    const { callId, streamId, accountId, format } = this.#options;
    this.#startedAt = this.#options.epochMs();
    const encoding = format.encoding === 'pcmu' ? 'audio/x-mulaw' : 'audio/x-l16';
    const mediaFormat = { encoding, sampleRate: format.sampleRate };
    const start = { callId, streamId, accountId, tracks: ['inbound'], mediaFormat };
    const extra_headers = this.#extraHeaders;
    return [JSON.stringify({ sequenceNumber: this.#next(), event: 'start', start, extra_headers })];
  }

  audio(frame: Buffer, slot: number): string {
    const timestamp = this.#startedAt + (slot - 1) * frameMs;
    return (
      `{"sequenceNumber":${this.#next()},"streamId":"${this.#options.streamId}","event":"media",` +
      `"media":{"track":"inbound","timestamp":"${Math.round(timestamp)}","chunk":${slot},` +
      `"payload":"${frame.toString('base64')}"},"extra_headers":${JSON.stringify(this.#extraHeaders)}}`
    );
  }

  digit(digit: string): string {
    const timestamp = String(Math.round(this.#options.epochMs()));
    const dtmf = { track: 'inbound', digit, timestamp };
    return this.#message('dtmf', { dtmf, extra_headers: this.#extraHeaders });
  }

  acknowledge(what: Acknowledgement): string | undefined {
    switch (what.type) {
      case 'mark':
        return this.#message('playedStream', { name: what.name });
      case 'cleared':
        return this.#message('clearedAudio', {});
      case 'started':
      case 'completed':
        return undefined;
    }
  }

  /** The socket closes without a word. */
  closing(): readonly string[] {
    return [];
  }

  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[] {
    const reading = readGatewayMessage(data, isBinary, this.#options.streamId, this.hears);
    if (!reading.ok) return [{ do: 'violation', kind: reading.violation, detail: reading.detail }];
    const { message } = reading;
    switch (message.event) {
      case 'playAudio':
        return [{ do: 'play', audio: message.audio }];
      case 'checkpoint':
        return [{ do: 'mark', name: message.name }];
      case 'clearAudio':
        return [{ do: 'clear' }];
      case 'sendDTMF':
        return [{ do: 'digits', digits: message.digits }];
    }
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  #message(event: string, body: object): string {
    const { streamId } = this.#options;
    return JSON.stringify({ sequenceNumber: this.#next(), streamId, event, ...body });
  }
}
