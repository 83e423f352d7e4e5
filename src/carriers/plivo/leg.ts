import type { AudioFormat } from '../../audio/format.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type {
  HangUpReason,
  LegEnd,
  PlaybackTraits,
  TransferOutcome,
  TransferTarget,
} from '../../call/leg.ts';
import type { Party } from '../../call/party.ts';
import { carrierSaid } from '../http-api.ts';
import { PendingTransfer } from '../pending-transfer.ts';
import { StreamLeg } from '../stream-leg.ts';
import { dialAnswer } from './answers.ts';
import { formatOf, playbackOf } from './formats.ts';
import type { PlivoRest } from './rest.ts';
import type { PlivoStream } from './stream.ts';
import type { Transfer } from './transfers.ts';
import type { StartMessage } from './wire.ts';

/** Plivo's names of a call. A dial is named by its request until a webhook tells the call's own id. */
export interface CallIds {
  readonly callUuid?: string | undefined;
  readonly requestUuid?: string | undefined;
}

/** Takes a call away from its media stream; undefined where Plivo can't be asked to, or could not reach us. */
export interface TransferDesk {
  /** Gives the address at which Plivo fetches the answer. */
  offer(transfer: Transfer): { readonly url: string; withdraw(): void };
}

export interface PlivoLegOptions {
  readonly ids: CallIds;
  readonly party: Party;
  readonly log: Logger;
  /** The format that Plivo is asked for. */
  readonly format: AudioFormat;
  readonly maxQueuedMs: number;
  /** Undefined: no account is configured, so that only the media stream can end the call. */
  readonly rest: PlivoRest | undefined;
  readonly transfers: TransferDesk | undefined;
  readonly onEnded: () => void;
}

/** Keys that Plivo is sent in one message at most. */
const digitsToSend = /^[0-9*#A-D]{1,64}$/;

/** One Plivo call, from its webhook or its dial on: `ringing`, `answered`, `connected` once media flows, `ended`. */
export class PlivoLeg extends StreamLeg<PlivoStream> {
  readonly carrier = 'plivo';
  protected readonly idName = 'callUuid';
  readonly transfer?: (target: TransferTarget) => Promise<TransferOutcome>;
  readonly #options: PlivoLegOptions;
  #callUuid: string | undefined;
  #requestUuid: string | undefined;
  #format: AudioFormat;
  #playback: PlaybackTraits;
  #streamId: string | undefined;
  readonly #pendingTransfer = new PendingTransfer();
  #hangUpAfterTransfer: Promise<void> | undefined;

  constructor(options: PlivoLegOptions) {
    super(options.party, options.log);
    this.#options = options;
    this.#callUuid = options.ids.callUuid;
    this.#requestUuid = options.ids.requestUuid;
    this.#format = options.format;
    this.#playback = playbackOf(options.format, options.maxQueuedMs);
    const { rest, transfers } = options;
    if (rest !== undefined && transfers !== undefined)
      this.transfer = (target) => this.#transfer(rest, transfers, target);
  }

  get carrierCallId(): string {
    return this.#callUuid ?? this.#requestUuid ?? '';
  }

  get format(): AudioFormat {
    return this.#format;
  }

  get receives(): AudioFormat {
    return this.#format;
  }

  get sends(): AudioFormat {
    return this.#format;
  }

  get playback(): PlaybackTraits {
    return this.#playback;
  }

  /** Plivo's id of the media stream, once there is one. */
  get streamId(): string | undefined {
    return this.#streamId;
  }

  /** Every name that Plivo has used for the call. */
  get ids(): string[] {
    return [this.#callUuid, this.#requestUuid].filter((id) => id !== undefined);
  }

  /** Learns what Plivo calls this call. False: it is another one. */
  identify({ callUuid, requestUuid }: CallIds): boolean {
    if (callUuid !== undefined && (this.#callUuid ?? callUuid) !== callUuid) return false;
    this.#callUuid ??= callUuid;
    this.#requestUuid ??= requestUuid;
    return true;
  }

  /** Takes the stream that redeemed this leg's token, or says why not. Documentation: `start`. */
  claim(start: StartMessage, stream: PlivoStream): PatchcordError | undefined {
    const { refusal } = this;
    if (refusal !== undefined) return refusal;
    if (start.callId !== this.#callUuid) {
      const details = { announced: this.#callUuid, started: start.callId };
      return this.unusable(new PatchcordError('PATCHCORD_CALL_MISMATCH', undefined, details));
    }
    const { encoding, sampleRate } = start;
    const format = encoding === undefined ? this.#options.format : formatOf(encoding, sampleRate);
    if (format === undefined) {
      return this.unusable(new PatchcordError('PATCHCORD_AUDIO_FORMAT', undefined, { encoding, sampleRate }));
    }
    this.#format = format;
    this.#playback = playbackOf(format, this.#options.maxQueuedMs);
    this.take(stream);
    this.#streamId = start.streamId;
    return undefined;
  }

  /** The stream is over, or said to be. What a transfer's outcome has to say of it comes first. */
  override streamOver(end: LegEnd): void {
    if (!this.#pendingTransfer.keeps(end)) this.end(end);
  }

  /** Plivo reports that the call is over. */
  callOver(reason: LegEnd['reason']): void {
    const neverAnswered = this.isUnanswered && this.party.direction === 'outbound';
    this.end({ reason: neverAnswered && reason === 'hung-up' ? 'no-answer' : reason });
  }

  end(end: LegEnd): void {
    this.endOnce(end, this.#options.onEnded);
  }

  /** Documentation: "Send DTMF event"; a string of keys in one message. */
  async sendDigits(digits: string): Promise<void> {
    if (!digitsToSend.test(digits))
      throw new PatchcordError('PATCHCORD_REQUEST_INVALID', 'keys are 0-9, *, # and A-D, at most 64 of them');
    if (this.stream === undefined || !this.isOpen) throw new PatchcordError('PATCHCORD_DIGITS_NOT_POSSIBLE');
    this.stream.sendDigits(digits);
  }

  /**
   * A caller who is on his way to somebody else is not cut off because the agent is done: that waits until Plivo has
   * said whether it takes the transfer.
   */
  override hangUp(reason: HangUpReason): Promise<void> {
    if (!this.#pendingTransfer.isPending || reason === 'operator') return super.hangUp(reason);
    this.#hangUpAfterTransfer ??= this.#pendingTransfer.decided.then(() => super.hangUp(reason));
    return this.#hangUpAfterTransfer;
  }

  /** Plivo goes on to <Hangup/> when its stream closes, whatever the API says. */
  protected tellHangUp(): Promise<unknown> | undefined {
    const { rest } = this.#options;
    return rest && this.#tellPlivo(rest);
  }

  /** A dial may still be queued, ring under an id that no webhook has told, or be answered this very moment. */
  async #tellPlivo(rest: PlivoRest): Promise<void> {
    const callUuid = this.#callUuid;
    const requestUuid = this.isUnanswered ? this.#requestUuid : undefined;
    if (callUuid !== undefined && (await rest.endCall(callUuid))) return;
    if (requestUuid === undefined) return;
    if (await rest.cancelRequest(requestUuid)) return;
    const nowUuid = this.#callUuid ?? requestUuid;
    if (nowUuid !== callUuid) await rest.endCall(nowUuid);
  }

  /**
   * Plivo is told first and the stream is ended then, because it fetches the new answer when the stream has ended.
   * Documentation: "Transfer a call".
   */
  async #transfer(rest: PlivoRest, desk: TransferDesk, target: TransferTarget): Promise<TransferOutcome> {
    const answer = dialAnswer({ ...target, ...this.#callerId(target) });
    if (answer === undefined) return { transferred: false, detail: 'not a phone number or a SIP address' };
    const callUuid = this.#callUuid;
    if (!this.isOpen || callUuid === undefined) return { transferred: false, detail: 'the call has ended' };
    if (this.#pendingTransfer.isPending) return { transferred: false, detail: 'a transfer is under way' };
    let fetched = false;
    const offer = desk.offer({
      callUuid,
      answer,
      fetched: () => {
        fetched = true;
        this.end({ reason: 'transferred' });
      },
    });
    const ask = async (): Promise<boolean> => {
      const taken = (await rest.transfer(callUuid, offer.url)) || fetched;
      if (taken) this.end({ reason: 'transferred' });
      return taken;
    };
    try {
      if (await this.#pendingTransfer.run(ask, (end) => this.end(end))) return { transferred: true };
      offer.withdraw();
      return { transferred: false, detail: 'the call has ended' };
    } catch (thrown) {
      if (fetched) return { transferred: true };
      offer.withdraw();
      return { transferred: false, detail: carrierSaid(thrown) ?? messageOf(thrown) };
    }
  }

  /** Plivo lets nobody show a number that is not the account's, so the caller's own would not do. */
  #callerId({ callerId }: TransferTarget): { callerId?: string } {
    const { direction, from, to } = this.party;
    const ours = callerId ?? (direction === 'inbound' ? to : from);
    return ours !== undefined && /^\+\d+$/.test(ours) ? { callerId: ours } : {};
  }
}
