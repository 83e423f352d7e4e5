import type { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, pcmu8k } from '../../audio/format.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
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
import { carrierSaid } from '../http-api.ts';
import type { TwilioRest } from './rest.ts';
import type { StreamOwner, TwilioStream } from './stream.ts';
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

export interface TwilioLegOptions {
  readonly callSid: string;
  /** As the webhook gave it; undefined: not known. */
  readonly accountSid: string | undefined;
  readonly party: Party;
  readonly log: Logger;
  /** Undefined: no account is configured, so that only the media stream can end the call. */
  readonly rest: TwilioRest | undefined;
  readonly onEnded: () => void;
}

/** One Twilio call, from its webhook on: `ringing`, `answered`, `connected` once media flows, `ended`. */
export class TwilioLeg implements Leg, StreamOwner {
  readonly carrier = 'twilio';
  readonly carrierCallId: string;
  readonly party: Party;
  readonly receives: AudioFormat = pcmu8k;
  readonly sends: AudioFormat = pcmu8k;
  readonly playback = playback;
  readonly transfer?: (target: TransferTarget) => Promise<TransferOutcome>;
  readonly #options: TwilioLegOptions;
  #phase: 'ringing' | 'answered' | 'connected' | 'ended' = 'ringing';
  #events: LegEvents | undefined;
  #stream: TwilioStream | undefined;
  #isHangingUp = false;
  #callId: string | undefined;
  #hangUp: Promise<void> | undefined;

  constructor(options: TwilioLegOptions) {
    this.#options = options;
    this.carrierCallId = options.callSid;
    this.party = options.party;
    const { rest } = options;
    if (rest !== undefined) this.transfer = (target) => this.#transfer(rest, target);
  }

  /** Whether the call still wants its media stream, or has it. */
  get isOpen(): boolean {
    return this.#phase !== 'ended' && !this.#isHangingUp;
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  /** Twilio asks what to do with the call: it rings us, or the other side has picked up. */
  answered(): void {
    if (this.#phase !== 'ringing' || !this.isOpen) return;
    this.#phase = 'answered';
    this.#events?.answered();
  }

  /** Takes the stream that redeemed this leg's token, or says why not. Documentation: "Start message". */
  claim(start: StartMessage, stream: TwilioStream): PatchcordError | undefined {
    if (!this.isOpen) return new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID', 'the call has ended');
    if (this.#stream !== undefined) {
      return new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'the call has its media stream already');
    }
    const { callSid, accountSid } = this.#options;
    const { accountSid: startAccountSid = accountSid } = start;
    if (start.callSid !== callSid || (accountSid !== undefined && startAccountSid !== accountSid)) {
      const details = { announced: callSid, started: start.callSid };
      return this.#unusable(new PatchcordError('PATCHCORD_CALL_MISMATCH', undefined, details));
    }
    const { encoding, sampleRate, channels } = start.mediaFormat;
    if (encoding.toLowerCase() !== 'audio/x-mulaw' || sampleRate !== 8000 || channels !== 1) {
      const details = { encoding, sampleRate, channels };
      return this.#unusable(new PatchcordError('PATCHCORD_AUDIO_FORMAT', undefined, details));
    }
    this.#stream = stream;
    return undefined;
  }

  /** The token is spent, so no other stream will come: the call must not wait for one. */
  #unusable(error: PatchcordError): PatchcordError {
    this.end({ reason: 'protocol-error', error });
    return error;
  }

  streamOpened(): void {
    this.answered();
    this.#phase = 'connected';
    this.#events?.connected();
  }

  callerAudio(audio: AudioChunk, timestampMs: number | undefined): void {
    this.#events?.audio(audio, timestampMs);
  }

  callerDigit(digit: string): void {
    this.#events?.digit(digit);
  }

  markPlayed(name: string): void {
    this.#events?.played({ type: 'mark', name });
  }

  streamEnded(end: LegEnd): void {
    this.#stream = undefined;
    this.end(end);
  }

  /** The end of the call, whoever tells it first: the stream, a status callback, or our own hang-up. */
  end(end: LegEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) this.#watch(stream.close());
    const events = this.#events;
    this.#events = undefined;
    this.#options.onEnded();
    events?.ended(end);
  }

  play(audio: AudioChunk): void {
    this.#stream?.play(audio);
  }

  mark(name: string): void {
    this.#stream?.mark(name);
  }

  clear(): void {
    this.#stream?.clear();
  }

  /** The gateway's id of the call, for the log. */
  named(callId: string): void {
    this.#callId = callId;
  }

  hangUp(reason: HangUpReason): Promise<void> {
    if (this.#phase === 'ended') return this.#hangUp ?? Promise.resolve();
    this.#isHangingUp = true;
    this.#hangUp ??= this.#hangUpNow(reason);
    return this.#hangUp;
  }

  async #hangUpNow(reason: HangUpReason): Promise<void> {
    const { callSid, rest, log } = this.#options;
    const unanswered = this.party.direction === 'outbound' && this.#phase === 'ringing';
    const ids = { callId: this.#callId, callSid };
    log.info({ ...ids, reason }, 'hanging up');
    const told = rest?.endCall(callSid, unanswered ? 'canceled' : 'completed').catch((thrown: unknown) => {
      log.warn({ ...ids, error: messageOf(thrown) }, 'Twilio did not take the hang-up');
    });
    // Twilio goes on to <Hangup/> when its stream closes, whatever the API says.
    await this.#stream?.close();
    this.end({ reason: 'hung-up' });
    await told;
  }

  /** The new TwiML takes the call away from the media stream, which ends the leg. */
  async #transfer(rest: TwilioRest, target: TransferTarget): Promise<TransferOutcome> {
    const twiml = transferTwiml(target);
    if (twiml === undefined) return { transferred: false, detail: 'not a phone number or a SIP address' };
    if (!this.isOpen) return { transferred: false, detail: 'the call has ended' };
    try {
      const taken = await rest.redirect(this.#options.callSid, { twiml });
      return taken ? { transferred: true } : { transferred: false, detail: 'the call has ended' };
    } catch (thrown) {
      return { transferred: false, detail: carrierSaid(thrown) ?? messageOf(thrown) };
    }
  }

  /** A stream's close cannot fail; this keeps the promise owned all the same. */
  #watch(closing: Promise<void>): void {
    closing.catch((thrown: unknown) => {
      this.#options.log.error(
        { callSid: this.carrierCallId, err: messageOf(thrown) },
        'closing a stream failed',
      );
    });
  }
}
