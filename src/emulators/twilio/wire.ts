import { pcmu8k } from '../../audio/format.ts';
import { frameMs } from '../phone/caller-audio.ts';
import type { Acknowledgement, LineCommand, LineWire } from '../phone/line-wire.ts';
import { readGatewayMessage } from './gateway-message.ts';

export interface TwilioWireOptions {
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Twilio's end of one bidirectional media stream: `connected`, `start`, a `media` of 160 bytes every 20 ms, `dtmf`,
 * `mark`, `stop`. Twilio, "Media Streams - WebSocket messages": all counters are strings, sample rate and channels are
 * numbers; `clear` brings all pending marks back.
 */
export class TwilioWire implements LineWire {
  readonly speaks = pcmu8k;
  readonly hears = pcmu8k;
  readonly marksOnClear = 'returned';
  readonly #options: TwilioWireOptions;
  #sequence = 0;

  constructor(options: TwilioWireOptions) {
    this.#options = options;
  }

  opening(): readonly string[] {
    const { accountSid, callSid, streamSid, parameters } = this.#options;
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const customParameters = { ...parameters };
    const start = { streamSid, accountSid, callSid, tracks: ['inbound'], customParameters, mediaFormat };
    return ['{"event":"connected","protocol":"Call","version":"1.0.0"}', this.#message('start', { start })];
  }

  /** Written by hand: this is the one message that is made fifty times a second. */
  audio(frame: Buffer, slot: number): string {
    this.#sequence += 1;
    return (
      `{"event":"media","sequenceNumber":"${this.#sequence}","media":{"track":"inbound",` +
      `"chunk":"${slot}","timestamp":"${slot * frameMs}","payload":"${frame.toString('base64')}"},` +
      `"streamSid":"${this.#options.streamSid}"}`
    );
  }

  digit(digit: string): string {
    return this.#message('dtmf', { dtmf: { track: 'inbound_track', digit } });
  }

  acknowledge(what: Acknowledgement): string | undefined {
    return what.type === 'mark' ? this.#message('mark', { mark: { name: what.name } }) : undefined;
  }

  closing(): readonly string[] {
    const { accountSid, callSid } = this.#options;
    return [this.#message('stop', { stop: { accountSid, callSid } })];
  }

  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[] {
    const reading = readGatewayMessage(data, isBinary, this.#options.streamSid);
    if (!reading.ok) return [{ do: 'violation', kind: reading.violation, detail: reading.detail }];
    const { message } = reading;
    switch (message.event) {
      case 'media':
        return [{ do: 'play', audio: message.audio }];
      case 'mark':
        return [{ do: 'mark', name: message.name }];
      case 'clear':
        return [{ do: 'clear' }];
    }
  }

  #message(event: string, body: object): string {
    this.#sequence += 1;
    const { streamSid } = this.#options;
    return JSON.stringify({ event, sequenceNumber: String(this.#sequence), streamSid, ...body });
  }
}
