import { pcm16At } from '../../audio/format.ts';
import type { LineCommand, LineWire } from '../phone/line-wire.ts';
import { audioMessage, digitMessage, initMessage } from './core-message.ts';
import { type GatewayMessage, readGatewayMessage } from './gateway-message.ts';
import { emptySessionRecord } from './session-record.ts';

export interface AvrWireOptions {
  readonly uuid: string;
  readonly providerConfig?: object;
}

const maxNotes = 1_000;

/**
 * avr-core's end of one call with a speech-to-speech connector: `init`, the caller in messages of 320 bytes every
 * 20 ms, keys; what comes back is queued and played, and `interruption` empties the queue. AVR, "STS WebSocket
 * protocol": nothing is acknowledged, and the end is the socket's.
 */
export class AvrWire implements LineWire {
  readonly speaks = pcm16At(8000);
  readonly hears = pcm16At(8000);
  readonly record = emptySessionRecord();
  readonly #options: AvrWireOptions;

  constructor(options: AvrWireOptions) {
    this.#options = options;
  }

  opening(): readonly string[] {
    return [initMessage(this.#options.uuid, this.#options.providerConfig)];
  }

  audio(frame: Buffer): string {
    return audioMessage(frame.toString('base64'));
  }

  digit(digit: string): string {
    return digitMessage(digit);
  }

  acknowledge(): undefined {
    return undefined;
  }

  closing(): readonly string[] {
    return [];
  }

  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[] {
    const { message, fault } = readGatewayMessage(data, isBinary);
    const commands: LineCommand[] = fault === undefined ? [] : [{ do: 'violation', ...fault }];
    if (message !== undefined) commands.push(...this.#obey(message));
    return commands;
  }

  #obey(message: GatewayMessage): LineCommand[] {
    const { record } = this;
    switch (message.type) {
      case 'audio':
        record.audioMessages += 1;
        return [{ do: 'play', audio: message.audio }];
      case 'interruption':
        record.interruptions += 1;
        return [{ do: 'clear' }];
      case 'transcript':
        if (record.transcripts.length < maxNotes) {
          record.transcripts.push({ role: message.role, text: message.text });
        }
        return [];
      case 'error':
        if (record.errors.length < maxNotes) record.errors.push(message.message);
        return [];
      case 'ready':
        record.ready += 1;
        return [];
    }
  }
}
