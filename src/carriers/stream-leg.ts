import type { AudioChunk } from '../audio/chunk.ts';
import type { AudioFormat } from '../audio/format.ts';
import { messageOf, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { HangUpReason, Leg, LegEnd, LegEvents, PlaybackTraits } from '../call/leg.ts';
import type { Party } from '../call/party.ts';

/** The media stream of a call, as its leg uses it. */
export interface MediaStream {
  play(audio: AudioChunk): void;
  mark(name: string): void;
  /** Written when this returns. */
  clear(): void;
  /** The leg's own, orderly end, so it is not told. Settles when the stream is closed, within a bound. */
  close(): Promise<void>;
}

/** What an opened stream tells the leg that owns it. `streamEnded` comes once and last. */
export interface StreamOwner {
  streamOpened(): void;
  callerAudio(audio: AudioChunk, timestampMs: number | undefined): void;
  callerDigit(digit: string): void;
  markPlayed(name: string): void;
  streamEnded(end: LegEnd): void;
}

/**
 * One call of a carrier that tells of it first and opens a media stream to us then: `ringing`, `answered`, `connected`
 * once media flows, `ended`. What the carrier's API is asked, and what else ends the call, is the carrier's own.
 */
export abstract class StreamLeg<Stream extends MediaStream> implements Leg, StreamOwner {
  abstract readonly carrier: string;
  abstract readonly carrierCallId: string;
  abstract readonly receives: AudioFormat;
  abstract readonly sends: AudioFormat;
  abstract readonly playback: PlaybackTraits;
  /** What the carrier calls its id of a call, for the log. */
  protected abstract readonly idName: string;
  readonly party: Party;
  readonly #log: Logger;
  #phase: 'ringing' | 'answered' | 'connected' | 'ended' = 'ringing';
  #events: LegEvents | undefined;
  #stream: Stream | undefined;
  #isHangingUp = false;
  #callId: string | undefined;
  #hangUp: Promise<void> | undefined;

  constructor(party: Party, log: Logger) {
    this.party = party;
    this.#log = log;
  }

  /** Whether the call still wants its media stream, or has it. */
  get isOpen(): boolean {
    return this.#phase !== 'ended' && !this.#isHangingUp;
  }

  get hasEnded(): boolean {
    return this.#phase === 'ended';
  }

  /** Nobody has answered, whether or not it is given up by now. */
  protected get isUnanswered(): boolean {
    return this.#phase === 'ringing';
  }

  protected get stream(): Stream | undefined {
    return this.#stream;
  }

  get logIds(): Readonly<Record<string, unknown>> {
    return { callId: this.#callId, [this.idName]: this.carrierCallId };
  }

  attach(events: LegEvents): void {
    this.#events = events;
  }

  /** The gateway's id of the call, for the log. */
  named(callId: string): void {
    this.#callId = callId;
  }

  /** The carrier says so: it rings us, or the other side has picked up. */
  answered(): void {
    if (this.#phase !== 'ringing' || !this.isOpen) return;
    this.#phase = 'answered';
    this.#events?.answered();
  }

  /** Why this call takes no stream, whatever that says of itself. */
  protected get refusal(): PatchcordError | undefined {
    if (!this.isOpen) return new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID', 'the call has ended');
    if (this.#stream === undefined) return undefined;
    return new PatchcordError('PATCHCORD_MESSAGE_ORDER', 'the call has its media stream already');
  }

  protected take(stream: Stream): void {
    this.#stream = stream;
  }

  /** The token is spent, so no other stream will come: the call must not wait for one. The error then names the call. */
  protected unusable({ code, message, details }: PatchcordError): PatchcordError {
    const error = new PatchcordError(code, message, { carrierCallId: this.carrierCallId, ...details });
    this.streamOver({ reason: 'protocol-error', error });
    return error;
  }

  streamOpened(): void {
    this.answered();
    // Whoever heard of the answer may have hung up in the same breath.
    if (!this.isOpen) return;
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

  /** The carrier has given the caller to somebody else; the end of the leg may take a while. */
  protected callerLeft(): void {
    this.#events?.left?.();
  }

  streamEnded(end: LegEnd): void {
    this.#stream = undefined;
    this.streamOver(end);
  }

  /** What it means for the call that its stream is over. */
  protected streamOver(end: LegEnd): void {
    this.end(end);
  }

  /** The end of the call, whoever tells it first: the stream, a webhook of the carrier's, or our own hang-up. */
  abstract end(end: LegEnd): void;

  /** The first end counts. `forget` is done before the call hears of it. */
  protected endOnce(end: LegEnd, forget: () => void): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) this.#watch(stream.close());
    const events = this.#events;
    this.#events = undefined;
    forget();
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

  hangUp(reason: HangUpReason): Promise<void> {
    if (this.#phase === 'ended') return this.#hangUp ?? Promise.resolve();
    this.#isHangingUp = true;
    this.#hangUp ??= this.#hangUpNow(reason);
    return this.#hangUp;
  }

  /** Has the carrier's API end the call, where there is one to ask. */
  protected abstract tellHangUp(): Promise<unknown> | undefined;

  /** The stream is closed whatever the API says: it ends our part in the call, if not the call. */
  async #hangUpNow(reason: HangUpReason): Promise<void> {
    this.#log.info({ ...this.logIds, reason }, 'hanging up');
    const told = this.tellHangUp()?.catch((thrown: unknown) => {
      this.#log.warn(
        { ...this.logIds, error: messageOf(thrown) },
        `${this.carrier} did not take the hang-up`,
      );
    });
    await this.#stream?.close();
    this.end({ reason: 'hung-up' });
    await told;
  }

  /** A stream's close cannot fail; this keeps the promise owned all the same. */
  #watch(closing: Promise<void>): void {
    closing.catch((thrown: unknown) => {
      this.#log.error({ ...this.logIds, error: messageOf(thrown) }, 'closing a stream failed');
    });
  }
}
