import { type AudioFormat, bytesPerSample, pcm16At, pcmu8k } from '../../audio/format.ts';
import { bytesPerFrame } from '../phone/caller-audio.ts';
import type { LineCommand, LineWire } from '../phone/line-wire.ts';
import {
  audioFrame,
  audioKind,
  digitFrame,
  type GatewayFrame,
  GatewayFrameReader,
  uuidFrame,
} from './audiosocket-frame.ts';
import { PhonePackets, type PhonePacketsOptions } from './phone-packets.ts';

export interface AudioSocketWireOptions extends PhonePacketsOptions {
  readonly uuid: string;
  /** Of the channel, `c(slin16)`; 8,000 unless set, as the application `AudioSocket()` always has it. */
  readonly sampleRate?: number;
  /** `c(ulaw)`, or no `c()` at all: µ-law is sent under the name of slin, and what comes back is taken for slin. */
  readonly disguised?: boolean;
  /** Told after each reading: a payload has begun to come and is not whole, or none has. */
  awaitsPayload?(awaits: boolean): void;
}

const slin8kHz = 0x10;

/**
 * Asterisk's end of one AudioSocket: the UUID, then the phone's audio as it comes; plays what the gateway sends when it
 * comes. It has no marks, no clear and no word for the end but to close.
 */
export class AudioSocketWire implements LineWire {
  readonly speaks: AudioFormat;
  readonly hears: AudioFormat;
  readonly fillsSilence = true;
  readonly #options: AudioSocketWireOptions;
  readonly #kind: number;
  readonly #frameBytes: number;
  readonly #phone: PhonePackets;
  readonly #reader = new GatewayFrameReader();

  constructor(options: AudioSocketWireOptions) {
    const { sampleRate = 8000, disguised = false } = options;
    this.#options = options;
    this.hears = pcm16At(disguised ? 8000 : sampleRate);
    this.speaks = disguised ? pcmu8k : this.hears;
    this.#kind = audioKind(this.hears.sampleRate) ?? slin8kHz;
    this.#frameBytes = bytesPerFrame(this.hears);
    this.#phone = new PhonePackets(options);
  }

  opening(): readonly Buffer[] {
    return [uuidFrame(this.#options.uuid)];
  }

  audio(frame: Buffer, slot: number): Buffer | undefined {
    const from = this.#phone.next(frame, slot);
    if (from.type === 'packet') return audioFrame(this.#kind, from.audio);
    return from.type === 'key' ? digitFrame(from.digit) : undefined;
  }

  /** The key goes down; its frame comes when it is let go. */
  digit(digit: string): undefined {
    this.#phone.press(digit);
  }

  acknowledge(): undefined {
    return undefined;
  }

  /** It just closes. */
  closing(): readonly [] {
    return [];
  }

  read(data: Buffer | string): readonly LineCommand[] {
    const frames = this.#reader.read(Buffer.from(data));
    this.#options.awaitsPayload?.(this.#reader.waitsForPayload);
    return frames.flatMap((frame) => this.#commandsOf(frame));
  }

  #commandsOf(frame: GatewayFrame): LineCommand[] {
    switch (frame.type) {
      case 'audio':
        return this.#heard(frame.audio, frame.sampleRate);
      case 'hang-up':
        return [{ do: 'hang-up' }];
      case 'fatal':
        return [{ do: 'violation', kind: frame.violation, detail: frame.detail, fatal: true }];
    }
  }

  #heard(audio: Buffer, sampleRate: number): LineCommand[] {
    if (sampleRate !== this.hears.sampleRate) {
      // Asterisk transcodes it. Before the phone has been heard no gateway knows the rate, and silence is silence.
      if (audio.every((byte) => byte === 0)) return [];
      const detail = `audio at ${sampleRate} Hz in a call at ${this.hears.sampleRate}`;
      return [{ do: 'violation', kind: 'other-rate', detail }];
    }
    if (audio.length % bytesPerSample(this.hears) !== 0) {
      return [{ do: 'violation', kind: 'half-sample', detail: `${audio.length} bytes` }];
    }
    const played: LineCommand = { do: 'play', audio };
    if (audio.length === this.#frameBytes) return [played];
    // Asterisk sends it on as one packet of that length, which phones need not take.
    const detail = `${audio.length} bytes, not ${this.#frameBytes}`;
    return [played, { do: 'violation', kind: 'frame-length', detail }];
  }
}
