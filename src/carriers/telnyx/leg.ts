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
import { StreamLeg } from '../stream-leg.ts';
import { formatOf, receivedFormat, type TelnyxCodec } from './formats.ts';
import type { TelnyxRest } from './rest.ts';
import type { TelnyxStream } from './stream.ts';
import type { StartMessage } from './wire.ts';

/**
 * Documentation, "Stream call media over WebSocket": audio in pieces of 20 ms to 30 s is queued; marks that a `clear`
 * sends back at once were not played. That media comes through silence too is not promised.
 */
const playback: PlaybackTraits = {
  buffering: 'queued',
  acknowledges: 'marks',
  markEveryMs: 200,
  continuousMedia: false,
  delivery: { frameMs: 20, maxChunkMs: 10_000 },
};

/** What is to become of the call at Telnyx, which goes on without its leg unless somebody ends it. */
export type Aftermath =
  /** It is over there too, or is being hung up. */
  | 'none'
  | 'hang-up'
  /** The caller is told that something went wrong, then it is hung up. */
  | 'apologise'
  /** It belongs to whom it was transferred to. */
  | 'leave';

/** What a leg needs of the calls that it is one of. */
export interface LegKeeper {
  /** Begins a transfer under this id, which the events of the new leg bring back. */
  transfer(leg: TelnyxLeg, transferId: string, target: TransferTarget): Promise<boolean>;
  newTransferId(): string;
  ended(leg: TelnyxLeg, aftermath: Aftermath): void;
}

export interface TelnyxLegOptions {
  readonly callControlId: string;
  /** The dial that the call came of; undefined: somebody called us. */
  readonly dialId: string | undefined;
  readonly party: Party;
  readonly codec: TelnyxCodec;
  readonly log: Logger;
  readonly rest: TelnyxRest;
  readonly keeper: LegKeeper;
}

/** Causes of `call.hangup` before anybody picked up. Documentation: "Call Hangup", `hangup_cause`. */
const endOfCause: ReadonlyMap<string, LegEnd['reason']> = new Map([
  ['user_busy', 'busy'],
  ['call_rejected', 'busy'],
  ['no_answer', 'no-answer'],
  ['timeout', 'no-answer'],
  ['normal_clearing', 'hung-up'],
  ['originator_cancel', 'hung-up'],
  ['time_limit', 'hung-up'],
]);

/** Ends that nobody wanted. */
const failures: ReadonlySet<HangUpReason> = new Set(['answer-timeout', 'model-failed', 'internal-error']);

/** One Telnyx call, from its first event on: `ringing`, `answered`, `connected` once media flows, `ended`. */
export class TelnyxLeg extends StreamLeg<TelnyxStream> {
  readonly carrier = 'telnyx';
  readonly dialId: string | undefined;
  readonly sends: AudioFormat;
  readonly playback = playback;
  protected readonly idName = 'callControlId';
  readonly #options: TelnyxLegOptions;
  #carrierCallId: string;
  #receives: AudioFormat;
  /** We have told Telnyx to answer. */
  #isPickedUp = false;
  /** We have told Telnyx to stream here. */
  #streamUrl: string | undefined;
  #transferId: string | undefined;

  constructor(options: TelnyxLegOptions) {
    super(options.party, options.log);
    this.#options = options;
    this.#carrierCallId = options.callControlId;
    this.dialId = options.dialId;
    this.sends = formatOf(options.codec);
    this.#receives = this.sends;
  }

  get carrierCallId(): string {
    return this.#carrierCallId;
  }

  get receives(): AudioFormat {
    return this.#receives;
  }

  get isRinging(): boolean {
    return this.isUnanswered && this.isOpen;
  }

  get hasMedia(): boolean {
    return this.stream !== undefined;
  }

  /** Whether Telnyx has still to be told where to stream. */
  get wantsStream(): boolean {
    return this.isOpen && this.#streamUrl === undefined;
  }

  /** Telnyx calls the call otherwise once it is answered. */
  renamed(callControlId: string): void {
    this.#carrierCallId = callControlId;
  }

  /** Has Telnyx answer the call; what it says of it comes as an event. */
  async pickUp(): Promise<void> {
    this.#isPickedUp = true;
    try {
      if (!(await this.#options.rest.answer(this.#carrierCallId))) this.end({ reason: 'hung-up' }, 'none');
    } catch (thrown) {
      if (this.isOpen) this.end(failedBecause(thrown), 'hang-up');
    }
  }

  /** Has Telnyx stream to this address, which holds the token; asked once, while `wantsStream`. */
  async startStream(url: string, token: string): Promise<void> {
    this.#streamUrl = url;
    try {
      const { rest, codec } = this.#options;
      const taken = await rest.startStreaming(this.#carrierCallId, { url, token, codec });
      if (!taken) this.end({ reason: 'hung-up' }, 'none');
    } catch (thrown) {
      // The stream itself is the better answer.
      if (this.isOpen && !this.hasMedia) this.end(failedBecause(thrown), 'apologise');
    }
  }

  /** Documentation: "Streaming Failed". Another stream of the same call is none of ours. */
  streamingFailed(reason: string, streamUrl: string | undefined): void {
    if (!this.isOpen || this.#streamUrl === undefined) return;
    if (streamUrl !== undefined && withoutQuery(streamUrl) !== withoutQuery(this.#streamUrl)) return;
    const details = { callControlId: this.#carrierCallId, reason };
    const error = new PatchcordError(
      'PATCHCORD_CARRIER_API',
      `telnyx: the stream failed: ${reason}`,
      details,
    );
    this.end({ reason: 'failed', error }, 'apologise');
  }

  /** Takes the stream that redeemed this leg's one token, or says why not. Documentation: the `start` frame. */
  claim({ callControlId, mediaFormat }: StartMessage, stream: TelnyxStream): PatchcordError | undefined {
    const { refusal } = this;
    if (refusal !== undefined) return refusal;
    if (callControlId !== this.#carrierCallId) {
      const details = { announced: this.#carrierCallId, started: callControlId.slice(0, 256) };
      return this.unusable(new PatchcordError('PATCHCORD_CALL_MISMATCH', undefined, details));
    }
    const receives = receivedFormat(mediaFormat, this.#options.codec);
    if (receives === undefined) {
      return this.unusable(new PatchcordError('PATCHCORD_AUDIO_FORMAT', undefined, { ...mediaFormat }));
    }
    this.#receives = receives;
    this.take(stream);
    return undefined;
  }

  /** The socket that brought this leg's token was refused before its `start`. Telnyx opens one for each `streaming_start`. */
  streamRefused(end: LegEnd): void {
    if (this.isOpen && !this.hasMedia) this.end(end, 'apologise');
  }

  /** The call itself may well go on, and then with nobody: it is ended, unless it is on its way to somebody else. */
  protected override streamOver(end: LegEnd): void {
    if (this.#transferId !== undefined) this.end({ reason: 'transferred' }, 'leave');
    else this.end(end, end.reason === 'hung-up' ? 'hang-up' : 'apologise');
  }

  /** Documentation: "Call Hangup". */
  hungUp(cause: string): void {
    const unanswered = this.isUnanswered && this.party.direction === 'outbound';
    this.end({ reason: unanswered ? (endOfCause.get(cause) ?? 'failed') : 'hung-up' }, 'none');
  }

  /** The call was given to somebody else, by us. */
  transferred(): void {
    this.end({ reason: 'transferred' }, 'leave');
  }

  /** Two legs were joined; one of them is this. */
  bridged(): void {
    if (this.#transferId !== undefined) this.transferred();
  }

  /** Nobody took the call: the agent keeps it. */
  transferFailed(transferId: string, cause: string): void {
    if (this.#transferId === transferId) this.#transferId = undefined;
    this.#options.log.warn({ ...this.logIds, cause }, 'a transfer was not answered');
  }

  end(end: LegEnd, aftermath: Aftermath = 'none'): void {
    // Whoever has the caller now must not hear the rest of what the agent said.
    if (aftermath === 'leave') this.clear();
    this.endOnce(end, () => this.#options.keeper.ended(this, aftermath));
  }

  override hangUp(reason: HangUpReason): Promise<void> {
    // A caller who is on his way to somebody else is not cut off because the agent is done.
    if (this.isOpen && this.#transferId !== undefined && reason !== 'operator') this.transferred();
    // One who was picked up and to whom no media ever came has heard nothing at all.
    if (this.isOpen && this.#streamUrl !== undefined && !this.hasMedia && failures.has(reason))
      this.end({ reason: 'hung-up' }, 'apologise');
    return super.hangUp(reason);
  }

  /** A call that was never answered is declined as busy, which the caller hears as such. */
  protected tellHangUp(): Promise<unknown> {
    const { rest } = this.#options;
    const declined = this.party.direction === 'inbound' && !this.#isPickedUp;
    return declined ? rest.reject(this.#carrierCallId) : rest.hangUp(this.#carrierCallId);
  }

  /** Documentation: "Transfer call". Telnyx rings the target; the caller stays here until it answers. */
  async transfer(target: TransferTarget): Promise<TransferOutcome> {
    if (!isReachable(target.to)) return { transferred: false, detail: 'not a phone number or a SIP address' };
    if (!this.isOpen) return { transferred: false, detail: 'the call has ended' };
    if (this.#transferId !== undefined)
      return { transferred: false, detail: 'a transfer is already under way' };
    const { keeper } = this.#options;
    const transferId = keeper.newTransferId();
    // Before the request: the events of the new leg may overtake its answer.
    this.#transferId = transferId;
    try {
      if (await keeper.transfer(this, transferId, target)) return { transferred: true };
      this.#transferId = undefined;
      return { transferred: false, detail: 'the call has ended' };
    } catch (thrown) {
      this.#transferId = undefined;
      return { transferred: false, detail: carrierSaid(thrown) ?? messageOf(thrown) };
    }
  }

  /** Documentation: "Send DTMF". */
  async sendDigits(digits: string): Promise<void> {
    const taken = this.isOpen && (await this.#options.rest.sendDigits(this.#carrierCallId, digits));
    if (!taken) throw new PatchcordError('PATCHCORD_DIGITS_NOT_POSSIBLE', 'the call has ended');
  }
}

function failedBecause(thrown: unknown): LegEnd {
  const error =
    thrown instanceof PatchcordError
      ? thrown
      : new PatchcordError('PATCHCORD_INTERNAL', messageOf(thrown), {}, thrown);
  return { reason: 'failed', error };
}

function isReachable(to: string): boolean {
  return /^\+[1-9]\d{1,14}$/.test(to) || /^sips?:[^\s<>,]{1,255}$/i.test(to);
}

function withoutQuery(url: string): string {
  return url.split('?', 1)[0] ?? '';
}
