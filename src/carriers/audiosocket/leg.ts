import { AudioChunk } from '../../audio/chunk.ts';
import { type AudioConverter, createConverter } from '../../audio/convert.ts';
import { type AudioFormat, bytesPerMs, pcm16At } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Leg, LegEnd, LegEvents, PlaybackTraits } from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { AudioSocketConnection, ConnectionOwner } from './connection.ts';
import { DisguiseCheck } from './disguise.ts';
import { kindOfRate } from './wire.ts';

const frameMs = 20;

/**
 * Asterisk sends every frame on to the phone as it comes: no pace of its own, no queue, no flush. A line on which
 * nothing comes is dead for the phone, and after 2 s for the AudioSocket application too, hence the silence.
 */
const playback: PlaybackTraits = {
  buffering: 'paced',
  acknowledges: 'nothing',
  markEveryMs: 0,
  continuousMedia: false,
  delivery: { frameMs, fillsSilence: true },
};

/** The rates that audio can be converted from and to. */
const usableRates: ReadonlySet<number> = new Set([8000, 16_000, 24_000, 48_000]);
/** What every version of Asterisk takes in any call. */
const defaultRate = 8000;
/** How long the caller's first audio, which tells the rate, is waited for: a phone on hold sends none. */
const formatWaitMs = 500;
/** Keys that may be pressed before that. */
const maxEarlyDigits = 32;

export interface AudioSocketLegOptions {
  readonly uuid: string;
  readonly party: Party;
  readonly clock: Clock;
  readonly connection: AudioSocketConnection;
}

/** One AudioSocket call, from the frame with its UUID on. */
export class AudioSocketLeg implements Leg, ConnectionOwner {
  readonly carrier = 'audiosocket';
  readonly carrierCallId: string;
  readonly party: Party;
  readonly playback = playback;
  readonly #clock: Clock;
  readonly #connection: AudioSocketConnection;
  readonly #disguise: DisguiseCheck;
  #phase: 'new' | 'waiting' | 'connected' | 'ended' = 'new';
  #format = pcm16At(defaultRate);
  #kind = requireKind(defaultRate);
  #events: LegEvents | undefined;
  #timer: Timeout | undefined;
  #earlyDigits: string[] = [];
  /** For caller audio at another rate than the one that the call has begun with. */
  #converter: { readonly sampleRate: number; readonly convert: AudioConverter } | undefined;
  #hangUp: Promise<void> | undefined;

  constructor(options: AudioSocketLegOptions) {
    this.carrierCallId = options.uuid;
    this.party = options.party;
    this.#clock = options.clock;
    this.#connection = options.connection;
    this.#disguise = new DisguiseCheck(options.clock);
  }

  get receives(): AudioFormat {
    return this.#format;
  }

  get sends(): AudioFormat {
    return this.#format;
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  /**
   * The rate is known with the first audio; only then is the model opened, in formats that fit, and media flows. Until
   * then silence is sent, because an Asterisk that waits for audio in its turn sends none before (issue 2089 of
   * asterisk/asterisk).
   */
  opened(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'waiting';
    this.#sendSilence(formatWaitMs);
  }

  callerAudio(sampleRate: number, audio: Buffer): void {
    if (!usableRates.has(sampleRate)) {
      this.#connection.refuse(unusable(sampleRate));
      return;
    }
    if (this.#phase === 'waiting') this.#connect(sampleRate);
    if (this.#phase !== 'connected') return;
    if (sampleRate !== this.#format.sampleRate) {
      this.#events?.audio(this.#converted(sampleRate, audio));
      return;
    }
    if (sampleRate === defaultRate && this.#disguise.isG711(audio)) this.#connection.refuse(disguised(audio));
    else this.#events?.audio(AudioChunk.fromBytes(audio));
  }

  callerDigit(digit: string): void {
    if (this.#phase === 'connected') this.#events?.digit(digit);
    else if (this.#earlyDigits.length < maxEarlyDigits) this.#earlyDigits.push(digit);
  }

  ended(end: LegEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#stopTimer();
    this.#earlyDigits = [];
    const events = this.#events;
    this.#events = undefined;
    events?.ended(end);
  }

  play(audio: AudioChunk): void {
    this.#connection.play(this.#kind, audio.bytes());
  }

  mark(): void {
    // Nothing tells what was heard but the pace itself.
  }

  clear(): void {
    // Asterisk holds nothing that could be dropped.
  }

  hangUp(): Promise<void> {
    if (this.#phase === 'ended') return this.#hangUp ?? Promise.resolve();
    this.#hangUp ??= this.#hangUpNow();
    return this.#hangUp;
  }

  async #hangUpNow(): Promise<void> {
    this.#stopTimer();
    await this.#connection.close();
    this.ended({ reason: 'hung-up' });
  }

  #isWaiting(): boolean {
    return this.#phase === 'waiting' && this.#hangUp === undefined;
  }

  #sendSilence(leftMs: number): void {
    this.#connection.play(this.#kind, Buffer.alloc(frameMs * bytesPerMs(this.#format)));
    this.#timer = this.#clock.setTimeout(() => {
      if (leftMs > frameMs) this.#sendSilence(leftMs - frameMs);
      else this.#connect(defaultRate);
    }, frameMs);
  }

  #connect(sampleRate: number): void {
    if (!this.#isWaiting()) return;
    this.#stopTimer();
    this.#format = pcm16At(sampleRate);
    this.#kind = requireKind(sampleRate);
    this.#events?.answered();
    // Whoever heard of the answer may have hung up in the same breath.
    if (!this.#isWaiting()) return;
    this.#phase = 'connected';
    this.#events?.connected();
    for (const digit of this.#earlyDigits) this.#events?.digit(digit);
    this.#earlyDigits = [];
  }

  #converted(sampleRate: number, audio: Buffer): AudioChunk {
    const chunk = AudioChunk.fromBytes(audio);
    if (this.#converter?.sampleRate !== sampleRate) {
      const convert = createConverter(pcm16At(sampleRate), this.#format);
      this.#converter = convert === undefined ? undefined : { sampleRate, convert };
    }
    return this.#converter?.convert.convert(chunk) ?? chunk;
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function requireKind(sampleRate: number): number {
  const kind = kindOfRate(sampleRate);
  if (kind === undefined) throw new PatchcordError('PATCHCORD_INTERNAL', `no kind for ${sampleRate} Hz`);
  return kind;
}

function unusable(sampleRate: number): PatchcordError {
  return new PatchcordError(
    'PATCHCORD_AUDIO_FORMAT',
    'slin at this rate cannot be used; write c(slin), c(slin16), c(slin24) or c(slin48) behind the UUID in the dialplan',
    { sampleRate },
  );
}

function disguised(audio: Buffer): PatchcordError {
  return new PatchcordError(
    'PATCHCORD_AUDIO_FORMAT',
    'Asterisk sends G.711 and calls it slin; write c(slin) behind the UUID in the dialplan, as in Dial(AudioSocket/HOST:PORT/UUID/c(slin))',
    { frameBytes: audio.length },
  );
}
