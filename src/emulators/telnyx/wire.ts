import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { frameMs } from '../phone/caller-audio.ts';
import type { Acknowledgement, LineCommand, LineWire } from '../phone/line-wire.ts';
import { readGatewayMessage, type ViolationKind } from './gateway-message.ts';

/** Codecs that are spoken here; Telnyx has G722, OPUS and AMR-WB as well. */
export type TelnyxEncoding = 'PCMU' | 'PCMA' | 'L16';

export interface TelnyxCodec {
  readonly encoding: TelnyxEncoding;
  readonly sampleRate: number;
}

export interface TelnyxWireOptions {
  readonly streamId: string;
  readonly callControlId: string;
  readonly callSessionId: string;
  readonly userId: string;
  readonly from: string;
  readonly to: string;
  readonly clientState: string | undefined;
  readonly customParameters: Readonly<Record<string, string>>;
  /** Sent as it is in `connected`, where the stream was opened with one. */
  readonly authToken: string | undefined;
  /** Of the caller's audio. */
  readonly inbound: TelnyxCodec;
  /** Of the gateway's; undefined where the stream was not opened with `stream_bidirectional_mode` `rtp`. */
  readonly outbound: TelnyxCodec | undefined;
  /** Of L16, which Telnyx does not document; `big-endian` unless set. */
  readonly byteOrder?: 'big-endian' | 'little-endian';
  /** Wall-clock milliseconds, for `dtmf`. */
  epochMs(): number;
}

/** Published titles; which code goes with which is not. */
const errors: Partial<Record<ViolationKind, { readonly code: number; readonly title: string }>> = {
  'bad-base64': { code: 100_004, title: 'invalid_media' },
  'half-a-sample': { code: 100_004, title: 'invalid_media' },
  'chunk-too-short': { code: 100_004, title: 'invalid_media' },
  'chunk-too-long': { code: 100_004, title: 'invalid_media' },
};
const malformed = { code: 100_003, title: 'malformed_frame' };

/**
 * Telnyx's end of one media stream. Telnyx, "Media streaming over WebSockets": snake_case, `stream_id` at the top of
 * each message, `call_control_id` inside `start` and `stop`; counters are strings; `clear` brings all pending marks back.
 */
export class TelnyxWire implements LineWire {
  readonly speaks: AudioFormat;
  readonly hears: AudioFormat;
  readonly marksOnClear = 'returned';
  readonly #options: TelnyxWireOptions;
  readonly #swapsIn: boolean;
  readonly #swapsOut: boolean;
  #sequence = 0;

  constructor(options: TelnyxWireOptions) {
    this.#options = options;
    this.speaks = formatOf(options.inbound);
    this.hears = options.outbound === undefined ? pcmu8k : formatOf(options.outbound);
    const swapped = options.byteOrder !== 'little-endian';
    this.#swapsOut = swapped && options.inbound.encoding === 'L16';
    this.#swapsIn = swapped && options.outbound?.encoding === 'L16';
  }

  opening(): readonly string[] {
    const { callControlId, callSessionId, userId, from, to, clientState, customParameters } = this.#options;
    const { authToken, inbound } = this.#options;
    const start = {
      user_id: userId,
      call_control_id: callControlId,
      call_session_id: callSessionId,
      from,
      to,
      tags: [],
      client_state: clientState ?? null,
      custom_parameters: customParameters,
      media_format: { encoding: inbound.encoding, sample_rate: inbound.sampleRate, channels: 1 },
    };
    const token = authToken === undefined ? {} : { 'x-telnyx-streaming-auth-token': authToken };
    return [
      JSON.stringify({ event: 'connected', version: '1.0.0', ...token }),
      this.#message('start', { start }),
    ];
  }

  /** Written by hand: this is the one message that is made fifty times a second. */
  audio(frame: Buffer, slot: number): string {
    this.#sequence += 1;
    const payload = (this.#swapsOut ? Buffer.from(frame).swap16() : frame).toString('base64');
    return (
      `{"event":"media","sequence_number":"${this.#sequence}","media":{"track":"inbound","chunk":"${slot}",` +
      `"timestamp":"${(slot - 1) * frameMs}","payload":"${payload}"},"stream_id":"${this.#options.streamId}"}`
    );
  }

  digit(digit: string): string {
    const occurredAt = new Date(this.#options.epochMs()).toISOString();
    return this.#message('dtmf', { occurred_at: occurredAt, dtmf: { digit } });
  }

  acknowledge(what: Acknowledgement): string | undefined {
    return what.type === 'mark' ? this.#message('mark', { mark: { name: what.name } }) : undefined;
  }

  closing(): readonly string[] {
    const { userId, callControlId } = this.#options;
    return [this.#message('stop', { stop: { user_id: userId, call_control_id: callControlId } })];
  }

  /** What is wrong is told to the gateway too, as Telnyx does. */
  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[] {
    const format = this.#options.outbound === undefined ? undefined : this.hears;
    const reading = readGatewayMessage(data, isBinary, format);
    if (!reading.ok) {
      const { violation: kind, detail } = reading;
      // "Without rtp your audio is silently dropped."
      if (kind === 'not-bidirectional') return [{ do: 'violation', kind, detail }];
      const payload = { ...(errors[kind] ?? malformed), detail };
      const { streamId } = this.#options;
      const frame = JSON.stringify({ event: 'error', stream_id: streamId, payload });
      return [
        { do: 'violation', kind, detail },
        { do: 'answer', frame },
      ];
    }
    const { message } = reading;
    switch (message.event) {
      case 'media':
        return [{ do: 'play', audio: this.#swapsIn ? message.audio.swap16() : message.audio }];
      case 'mark':
        return [{ do: 'mark', name: message.name }];
      case 'clear':
        return [{ do: 'clear' }];
    }
  }

  #message(event: string, body: object): string {
    this.#sequence += 1;
    const { streamId } = this.#options;
    return JSON.stringify({ event, sequence_number: String(this.#sequence), stream_id: streamId, ...body });
  }
}

function formatOf({ encoding, sampleRate }: TelnyxCodec): AudioFormat {
  switch (encoding) {
    case 'PCMU':
      return pcmu8k;
    case 'PCMA':
      return pcma8k;
    case 'L16':
      return pcm16At(sampleRate);
  }
}
