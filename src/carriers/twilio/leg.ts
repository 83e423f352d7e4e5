import { type AudioFormat, pcmu8k } from '../../audio/format.ts';
import type { Clock, Timeout } from '../../base/clock.ts';
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
import type { TwilioRest } from './rest.ts';
import type { TwilioStream } from './stream.ts';
import { transferTwiml } from './twiml.ts';
import type { StartMessage } from './wire.ts';

/**
 * Documentation: "Mark message" and "Clear message". Twilio queues whatever it gets; marks that a `clear` sends
 * back at once were not played. Its media comes every 20 ms, through silence too.
 */
const playback: PlaybackTraits = {
  buffering: 'queued',
  acknowledges: 'marks',
  markEveryMs: 200,
  continuousMedia: true,
  delivery: {},
};

/** New TwiML takes the media stream away at once; one that is still there by then is closed. */
const transferredMs = 5000;

export interface TwilioLegOptions {
  readonly callSid: string;
  /** As the webhook gave it; undefined: not known. */
  readonly accountSid: string | undefined;
  readonly party: Party;
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined: no account is configured, so that only the media stream can end the call. */
  readonly rest: TwilioRest | undefined;
  readonly onEnded: () => void;
}

/** One Twilio call, from its webhook on: `ringing`, `answered`, `connected` once media flows, `ended`. */
export class TwilioLeg extends StreamLeg<TwilioStream> {
  readonly carrier = 'twilio';
  readonly carrierCallId: string;
  readonly receives: AudioFormat = pcmu8k;
  readonly sends: AudioFormat = pcmu8k;
  readonly playback = playback;
  protected readonly idName = 'callSid';
  readonly transfer?: (target: TransferTarget) => Promise<TransferOutcome>;
  readonly #options: TwilioLegOptions;
  readonly #pendingTransfer = new PendingTransfer();
  /** The call has its new TwiML: what ends the stream now ends our part in the call, not the call. */
  #isTransferred = false;
  #leaving: Timeout | undefined;

  constructor(options: TwilioLegOptions) {
    super(options.party, options.log);
    this.#options = options;
    this.carrierCallId = options.callSid;
    const { rest } = options;
    if (rest !== undefined) this.transfer = (target) => this.#transfer(rest, target);
  }

  /** Takes the stream that redeemed this leg's token, or says why not. Documentation: "Start message". */
  claim(start: StartMessage, stream: TwilioStream): PatchcordError | undefined {
    const { refusal } = this;
    if (refusal !== undefined) return refusal;
    const { callSid, accountSid } = this.#options;
    const { accountSid: startAccountSid = accountSid } = start;
    if (start.callSid !== callSid || (accountSid !== undefined && startAccountSid !== accountSid)) {
      const details = { announced: callSid, started: start.callSid };
      return this.unusable(new PatchcordError('PATCHCORD_CALL_MISMATCH', undefined, details));
    }
    const { encoding, sampleRate, channels } = start.mediaFormat;
    if (encoding.toLowerCase() !== 'audio/x-mulaw' || sampleRate !== 8000 || channels !== 1) {
      const details = { encoding, sampleRate, channels };
      return this.unusable(new PatchcordError('PATCHCORD_AUDIO_FORMAT', undefined, details));
    }
    this.take(stream);
    return undefined;
  }

  /** The stream that came for this call cannot be used. */
  forgo(error: PatchcordError): void {
    if (this.refusal === undefined) this.unusable(error);
  }

  /** The stream is over. What Twilio says of a redirect comes first. */
  protected override streamOver(end: LegEnd): void {
    if (!this.#pendingTransfer.keeps(end)) this.end(end);
  }

  end(end: LegEnd): void {
    this.#leaving?.cancel();
    this.endOnce(this.#isTransferred ? { reason: 'transferred' } : end, this.#options.onEnded);
  }

  /** Nobody but an operator takes the caller from whom he was given to. Waits for a redirect no longer than its deadline. */
  override hangUp(reason: HangUpReason): Promise<void> {
    const leaves = this.#isTransferred || this.#pendingTransfer.isPending;
    return leaves && reason !== 'operator' ? this.#leave(reason) : super.hangUp(reason);
  }

  async #leave(reason: HangUpReason): Promise<void> {
    await this.#pendingTransfer.decided;
    if (this.#isTransferred) this.end({ reason: 'transferred' });
    else await super.hangUp(reason);
  }

  /** Twilio ends the stream, and with it the leg; it is given a bound. */
  #transferred(): void {
    this.#isTransferred = true;
    if (this.hasEnded) return;
    this.#leaving ??= this.#options.clock.setTimeout(
      () => this.end({ reason: 'transferred' }),
      transferredMs,
    );
    this.callerLeft();
  }

  /** Twilio goes on to <Hangup/> when its stream closes, whatever the API says. */
  protected tellHangUp(): Promise<unknown> | undefined {
    const { callSid, rest } = this.#options;
    const canceled = this.isUnanswered && this.party.direction === 'outbound';
    return rest?.endCall(callSid, canceled ? 'canceled' : 'completed');
  }

  /** The new TwiML takes the call away from the media stream, which ends the leg. */
  async #transfer(rest: TwilioRest, target: TransferTarget): Promise<TransferOutcome> {
    const twiml = transferTwiml(target);
    if (twiml === undefined) return { transferred: false, detail: 'not a phone number or a SIP address' };
    if (!this.isOpen) return { transferred: false, detail: 'the call has ended' };
    if (this.#pendingTransfer.isPending) return { transferred: false, detail: 'a transfer is under way' };
    const ask = async (): Promise<boolean> => {
      const taken = await rest.redirect(this.#options.callSid, { twiml });
      if (taken) this.#transferred();
      return taken;
    };
    try {
      const taken = await this.#pendingTransfer.run(ask, (end) => this.end(end));
      return taken ? { transferred: true } : { transferred: false, detail: 'the call has ended' };
    } catch (thrown) {
      return { transferred: false, detail: carrierSaid(thrown) ?? messageOf(thrown) };
    }
  }
}
