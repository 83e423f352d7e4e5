import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerMs, pcm16At } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf, type PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type {
  HangUpReason,
  Leg,
  LegEnd,
  LegEvents,
  PlaybackTraits,
  TransferOutcome,
  TransferTarget,
} from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import type { Turn } from '../../call/turn.ts';
import { carrierSaid } from '../http-api.ts';
import { PendingTransfer } from '../pending-transfer.ts';
import { type AmiHelper, type ChannelVariables, defaultContext, type Extension } from './ami.ts';
import type { EarlyMedia, EarlyMediaTaker } from './early-media.ts';
import { Sounding } from './sounding.ts';

/** How the audio of a call goes: over avr-core's WebSocket, or in an HTTP exchange. */
export interface AvrMedia {
  readonly playback: PlaybackTraits;
  play(audio: AudioChunk): void;
  /** Whatever is queued at avr-core is dropped, where it can be told; written before this returns. */
  clear(): void;
  transcript(role: 'user' | 'agent', text: string): void;
  /** Says why it ends, where there is a message for that; `close` follows. */
  failed(message: string): void;
  /** The leg's own, orderly end, so it is not told. Settles when the media is closed, within a bound. */
  close(): Promise<void>;
}

export interface AvrLegOptions {
  /** The call's id at Asterisk; undefined: avr-core gave none, so that its channel can be neither hung up nor transferred. */
  readonly uuid: string | undefined;
  /** Stands for the uuid where there is none. */
  readonly madeId: string;
  readonly party: Party;
  readonly media: AvrMedia;
  /** What has come so far; filled until the call begins. */
  readonly early: EarlyMedia;
  readonly ami: AmiHelper;
  readonly clock: Clock;
  readonly log: Logger;
}

const pcm8k = pcm16At(8000);
const pcmBytesPerMs = bytesPerMs(pcm8k);

/** How long the hang-up at Asterisk may take before the media is closed all the same. */
const hangUpFirstMs = 1000;
/** A channel that was transferred leaves AudioSocket at once; whoever has not noticed by then is told. */
const transferredMs = 5000;

const failures: Partial<Record<HangUpReason, string>> = {
  'model-failed': 'The speech model could not be reached.',
  'internal-error': 'The call failed inside the gateway.',
};

/** One call of avr-core: `waiting` until it is known who answers, `live`, `ended`. */
export class AvrLeg implements Leg, EarlyMediaTaker {
  readonly carrier = 'avr';
  readonly carrierCallId: string;
  readonly party: Party;
  readonly receives: AudioFormat = pcm8k;
  readonly sends: AudioFormat = pcm8k;
  readonly playback: PlaybackTraits;
  readonly #options: AvrLegOptions;
  readonly #media: AvrMedia;
  readonly #sounding: Sounding;
  #phase: 'waiting' | 'live' | 'ended' = 'waiting';
  #events: LegEvents | undefined;
  #callId: string | undefined;
  #hangUp: Promise<void> | undefined;
  readonly #pendingTransfer = new PendingTransfer();
  #isTransferred = false;
  #leaving: Timeout | undefined;
  #variables: Promise<ChannelVariables | undefined> | undefined;

  constructor(options: AvrLegOptions) {
    this.#options = options;
    this.#media = options.media;
    this.#sounding = new Sounding(options.clock);
    this.carrierCallId = options.uuid ?? options.madeId;
    this.party = options.party;
    this.playback = options.media.playback;
  }

  /** Neither ended nor being hung up. */
  get isOpen(): boolean {
    return this.#phase !== 'ended' && this.#hangUp === undefined;
  }

  get isLive(): boolean {
    return this.#phase === 'live' && this.isOpen;
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  /** The gateway has taken the call: from here on the caller is heard, from his first word on. */
  start(callId: string): void {
    this.#callId = callId;
    this.#events?.answered();
    if (!this.isOpen) return;
    this.#phase = 'live';
    this.#events?.connected();
    const { early, log } = this.#options;
    early.giveTo(this);
    if (early.lostMs === 0) return;
    log.warn(
      { ...this.#ids(), lostMs: early.lostMs },
      'the call was looked up for so long that audio was dropped',
    );
  }

  /** The gateway has not taken the call after all. */
  refuse(error: PatchcordError): void {
    if (this.#phase === 'ended') return;
    this.#media.failed(error.message);
    this.#closeMedia();
    this.end({ reason: 'failed', error });
  }

  audio(chunk: AudioChunk): void {
    if (this.#phase === 'live') this.#events?.audio(chunk);
    else if (this.#phase === 'waiting') this.#options.early.audio(chunk);
  }

  digit(digit: string): void {
    if (this.#phase === 'live') this.#events?.digit(digit);
    else if (this.#phase === 'waiting') this.#options.early.digit(digit);
  }

  /** The caller begins anew: what was said is forgotten. */
  reset(): void {
    if (this.#phase === 'live') this.#events?.reset?.();
  }

  /** The media has ended, and not because this leg closed it. */
  mediaEnded(end: LegEnd): void {
    if (this.#pendingTransfer.keeps(end)) return;
    this.end(this.#isTransferred ? { reason: 'transferred' } : end);
  }

  end(end: LegEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#leaving?.cancel();
    this.#options.early.drop();
    this.#sounding.cut();
    const events = this.#events;
    this.#events = undefined;
    events?.ended(end);
  }

  play(audio: AudioChunk): void {
    if (this.#phase !== 'live') return;
    this.#media.play(audio);
    this.#sounding.sent(audio.byteLength / pcmBytesPerMs);
  }

  mark(): void {
    // AVR acknowledges nothing, so the engine asks for no mark.
  }

  clear(): void {
    if (this.#phase !== 'live') return;
    this.#media.clear();
    this.#sounding.cut();
  }

  turnEnded({ role, text, heardText }: Turn): void {
    if (this.#phase !== 'live') return;
    const said = (role === 'caller' ? text : heardText).trim();
    if (said !== '') this.#media.transcript(role === 'caller' ? 'user' : 'agent', said);
  }

  hangUp(reason: HangUpReason): Promise<void> {
    if (this.#phase === 'ended') return this.#hangUp ?? Promise.resolve();
    this.#hangUp ??= this.#hangUpNow(reason);
    return this.#hangUp;
  }

  transfer(target: TransferTarget): Promise<TransferOutcome> {
    return this.redirect({ exten: target.to, context: defaultContext, priority: 1 });
  }

  /** Sends the caller to another place of the dialplan, which takes him away from AudioSocket and so ends the leg. */
  async redirect(extension: Extension): Promise<TransferOutcome> {
    const { uuid } = this.#options;
    const { exten, context } = extension;
    const no = (detail: string): TransferOutcome => ({ transferred: false, detail });
    if (!/^[\w+*#.-]{1,80}$/.test(exten)) return no('not an extension or a phone number');
    if (!/^[\w.-]{1,80}$/.test(context)) return no('not the name of a context');
    if (uuid === undefined) return no('avr-core gave the call no uuid');
    if (!this.isOpen) return no('the call has ended');
    if (this.#pendingTransfer.isPending) return no('a transfer is under way');
    try {
      await this.#pendingTransfer.run(
        () => this.#redirect(uuid, extension),
        (end) => this.mediaEnded(end),
      );
      return { transferred: true };
    } catch (thrown) {
      return no(carrierSaid(thrown) ?? messageOf(thrown));
    }
  }

  async #redirect(uuid: string, extension: Extension): Promise<void> {
    const { ami, clock } = this.#options;
    await ami.transfer(uuid, extension);
    this.#isTransferred = true;
    if (this.isOpen) this.#leaving ??= clock.setTimeout(() => this.#leave(), transferredMs);
  }

  /** Settles when what the agent has said was heard (true), or when it is interrupted or the signal aborts (false). */
  spoken(signal: AbortSignal): Promise<boolean> {
    return this.#sounding.heard(signal);
  }

  /** What the helper knows of the caller, asked once; undefined where it can't be asked. */
  variables(): Promise<ChannelVariables | undefined> {
    this.#variables ??= this.#askVariables();
    return this.#variables;
  }

  async #askVariables(): Promise<ChannelVariables | undefined> {
    const { uuid, ami, log } = this.#options;
    if (uuid === undefined) return undefined;
    try {
      return await ami.variables(uuid);
    } catch (thrown) {
      log.warn({ ...this.#ids(), error: messageOf(thrown) }, 'the AMI helper told nothing of the caller');
      return undefined;
    }
  }

  async #hangUpNow(reason: HangUpReason): Promise<void> {
    const { log } = this.#options;
    log.info({ ...this.#ids(), reason }, 'hanging up');
    // A caller who is on his way to somebody else is not cut off because the agent is done.
    if (reason !== 'operator') await this.#pendingTransfer.decided;
    const hasLeft = this.#isTransferred;
    const failure = failures[reason];
    if (failure !== undefined && !hasLeft) this.#media.failed(failure);
    // First the channel: when the media ends alone, the dialplan goes on with the caller.
    if (!hasLeft) await this.#withinBound(this.#hangUpChannel());
    await this.#media.close();
    this.end({ reason: hasLeft ? 'transferred' : 'hung-up' });
  }

  /** Never rejects. */
  async #hangUpChannel(): Promise<void> {
    const { uuid, ami, log } = this.#options;
    if (uuid === undefined) return;
    try {
      await ami.hangUp(uuid);
    } catch (thrown) {
      const error = messageOf(thrown);
      log.warn({ ...this.#ids(), error }, 'the AMI helper did not hang up: the dialplan goes on');
    }
  }

  /** Settles with the promise, at the latest after the bound. */
  #withinBound(promise: Promise<void>): Promise<void> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const bound = this.#options.clock.setTimeout(resolve, hangUpFirstMs);
    return Promise.race([promise, done]).finally(() => bound.cancel());
  }

  #leave(): void {
    this.#closeMedia();
    this.end({ reason: 'transferred' });
  }

  /** A close cannot fail; this keeps the promise owned all the same. */
  #closeMedia(): void {
    this.#media.close().catch((thrown: unknown) => {
      this.#options.log.error({ ...this.#ids(), error: messageOf(thrown) }, 'closing the media failed');
    });
  }

  #ids(): { callId: string | undefined; uuid: string } {
    return { callId: this.#callId, uuid: this.carrierCallId };
  }
}
