import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { bytesPerFrame, silenceFrame } from '../phone/caller-audio.ts';
import type { Acknowledgement, LineCommand, LineFrame, LineWire } from '../phone/line-wire.ts';
import { type ChannelCommand, readCommand } from './channel-command.ts';
import { type ChannelEvent, type ChannelFacts, type EventStyle, writeEvent } from './channel-event.ts';
import type { ChannelPlayer } from './channel-player.ts';
import { PhonePackets, type PhonePacketsOptions } from './phone-packets.ts';

/** Asterisk's names of codecs. */
export const channelFormats = {
  ulaw: pcmu8k,
  alaw: pcma8k,
  slin: pcm16At(8000),
  slin16: pcm16At(16_000),
  slin24: pcm16At(24_000),
  slin48: pcm16At(48_000),
} as const satisfies Record<string, AudioFormat>;

export type ChannelFormat = keyof typeof channelFormats;

export interface ChannelWireOptions extends PhonePacketsOptions {
  readonly facts: Omit<ChannelFacts, 'optimalFrameBytes' | 'ptimeMs' | 'format'>;
  readonly format: ChannelFormat;
  readonly style: EventStyle;
  readonly player: ChannelPlayer;
  /** `n` of the dial string: no media either way until the gateway answers. */
  readonly answeredByGateway?: boolean;
  /** Frames that come before MEDIA_START, as Asterisk 22.7 sent them. */
  readonly earlyFrames?: number;
  /** The gateway answers the call. */
  answered?(): void;
}

/** Of any message; a larger one ends the call with 1009. */
export const maxMessageBytes = 65_535;
const ptimeMs = 20;

/** Asterisk's end of one WebSocket channel. Asterisk documentation, "WebSocket Channel". */
export class ChannelWire implements LineWire {
  readonly speaks: AudioFormat;
  readonly hears: AudioFormat;
  readonly marksOnClear = 'dropped';
  readonly awaitsGateway: boolean;
  readonly #options: ChannelWireOptions;
  readonly #facts: ChannelFacts;
  #answered: boolean;
  #direction: 'both' | 'in' | 'out' = 'both';
  readonly #phone: PhonePackets;

  constructor(options: ChannelWireOptions) {
    const { format, facts, answeredByGateway = false } = options;
    this.#options = options;
    this.speaks = channelFormats[format];
    this.hears = this.speaks;
    this.awaitsGateway = answeredByGateway;
    this.#answered = !answeredByGateway;
    this.#phone = new PhonePackets(options);
    this.#facts = { ...facts, format, optimalFrameBytes: bytesPerFrame(this.hears), ptimeMs };
  }

  event(event: ChannelEvent): string {
    return writeEvent(event, this.#facts, this.#options.style);
  }

  opening(): readonly LineFrame[] {
    const early = Array.from({ length: this.#options.earlyFrames ?? 0 }, () => silenceFrame(this.speaks));
    return [...early, this.event({ event: 'MEDIA_START' })];
  }

  audio(frame: Buffer, slot: number): LineFrame | undefined {
    const from = this.#phone.next(frame, slot);
    if (from.type === 'key') return this.event({ event: 'DTMF_END', digit: from.digit });
    return from.type === 'packet' && this.#direction !== 'out' ? from.audio : undefined;
  }

  /** The key goes down; its event comes when it is let go. */
  digit(digit: string): undefined {
    this.#phone.press(digit);
  }

  acknowledge(what: Acknowledgement): string | undefined {
    return what.type === 'mark' ? this.event({ event: 'MEDIA_MARK_PROCESSED', id: what.name }) : undefined;
  }

  /** It just closes, with 1000. */
  closing(): readonly [] {
    return [];
  }

  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[] {
    if (data.length > maxMessageBytes) {
      const detail = `${data.length} bytes in one message`;
      return [{ do: 'violation', kind: 'message-too-large', detail, fatal: true }];
    }
    if (isBinary) return this.#media(Buffer.from(data));
    const reading = readCommand(data, this.#options.style.format);
    if (reading.ok) return this.#obey(reading.command);
    const { violation, detail, errorText } = reading;
    const commands: LineCommand[] = [{ do: 'violation', kind: violation, detail }];
    if (errorText !== undefined) {
      commands.push({ do: 'answer', frame: this.event({ event: 'ERROR', errorText }) });
    }
    return commands;
  }

  #media(audio: Buffer): readonly LineCommand[] {
    if (!this.#answered) {
      return [{ do: 'violation', kind: 'media-before-answer', detail: `${audio.length} bytes` }];
    }
    if (this.#direction === 'in') return [];
    const tail = this.#options.player.tailOf(audio.length);
    const played: LineCommand = { do: 'play', audio };
    if (tail === 0) return [played];
    return [played, { do: 'violation', kind: 'dropped-tail', detail: `${tail} bytes that fill no frame` }];
  }

  #obey(command: ChannelCommand): readonly LineCommand[] {
    const { player } = this.#options;
    switch (command.command) {
      case 'ANSWER':
        if (this.#answered) return [];
        this.#answered = true;
        this.#options.answered?.();
        return [{ do: 'ready' }];
      case 'HANGUP':
        return [{ do: 'hang-up' }];
      case 'START_MEDIA_BUFFERING':
        player.startBuffering();
        return [];
      case 'STOP_MEDIA_BUFFERING':
        player.stopBuffering(command.id);
        return [];
      case 'MARK_MEDIA':
        return [{ do: 'mark', name: command.id }];
      case 'FLUSH_MEDIA':
        return [{ do: 'clear' }];
      case 'PAUSE_MEDIA':
        player.pause(true);
        return [];
      case 'CONTINUE_MEDIA':
        player.pause(false);
        return [];
      case 'REPORT_QUEUE_DRAINED':
        player.reportDrained();
        return [];
      case 'GET_STATUS':
        return [{ do: 'answer', frame: this.event({ event: 'STATUS', ...player.status }) }];
      case 'SET_MEDIA_DIRECTION':
        this.#direction = command.direction;
        return [];
    }
  }
}
