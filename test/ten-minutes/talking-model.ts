import { AudioChunk } from '../../src/audio/chunk.ts';
import { type AudioFormat, bytesPerMs, bytesPerSample } from '../../src/audio/format.ts';
import type { Clock } from '../../src/base/clock.ts';
import type {
  AudioItem,
  Interruption,
  ModelCapabilities,
  ModelEvents,
  ModelSession,
  ResponseRequest,
  SessionOptions,
  SpeechModel,
} from '../../src/call/model-session.ts';
import { SeededRandom } from '../../src/emulators/seeded-random.ts';

/** One answer as the model made it. */
export interface Answer {
  readonly itemId: string;
  readonly audio: Buffer;
  /** The caller spoke into it. */
  cut: boolean;
  /** What the model was told to have been heard of it; undefined: nothing, so all. */
  heardMs: number | undefined;
}

export interface TalkingOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** No answer begins after this. */
  readonly untilMs: number;
  /** Share of the answers that the caller speaks into, of those that begin after `calmMs`. */
  readonly bargeIns: number;
  readonly calmMs: number;
}

/**
 * A model that talks by itself, on the test's clock: answers of all lengths, in pieces of all sizes, made in bursts
 * or hardly faster than they are spoken, with pauses between them. Every sample of them is made once. It takes the
 * formats of the phone, so that bytes are held to bytes.
 */
export class TalkingModel implements SpeechModel {
  readonly name = 'talking';
  readonly #options: TalkingOptions;
  readonly sessions: TalkingSession[] = [];

  constructor(options: TalkingOptions) {
    this.#options = options;
  }

  get session(): TalkingSession {
    const session = this.sessions[0];
    if (session === undefined || this.sessions.length > 1) throw new Error('not exactly one session');
    return session;
  }

  open(options: SessionOptions, events: ModelEvents): ModelSession {
    const session = new TalkingSession(this.#options, options, events);
    this.sessions.push(session);
    return session;
  }
}

const connectMs = 300;

export class TalkingSession implements ModelSession {
  readonly capabilities: ModelCapabilities = {
    truncate: true,
    cancel: true,
    cancelsOnSpeech: true,
    respondsToSpeech: true,
  };
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
  readonly truncateMarginMs = 0;
  readonly answers: Answer[] = [];
  readonly #heard: Buffer[] = [];
  readonly #options: TalkingOptions;
  readonly #events: ModelEvents;
  readonly #random: SeededRandom;
  /** Goes up with every answer that is cut: what the old one had still to send is not sent. */
  #epoch = 0;
  #number = 0;
  #closed = false;
  #sample = 1;

  constructor(options: TalkingOptions, session: SessionOptions, events: ModelEvents) {
    this.#options = options;
    this.#events = events;
    this.#random = new SeededRandom(options.seed);
    this.receives = session.prefers.receives;
    this.sends = session.prefers.sends;
    this.#after(connectMs, () => {
      events.ready();
      this.#after(this.#random.between(0, 2000), () => this.#speak());
    });
  }

  /** All caller audio, in the order in which it came. */
  callerAudio(): Buffer {
    return Buffer.concat(this.#heard);
  }

  appendAudio(audio: AudioChunk): void {
    this.#heard.push(audio.bytes());
  }

  interrupt({ items }: Interruption): void {
    for (const { itemId, heardMs } of items) {
      const answer = this.answers.find((each) => each.itemId === itemId);
      if (answer !== undefined) answer.heardMs = heardMs;
    }
  }

  addText(): void {
    throw new Error('given a text');
  }

  toolResult(): void {
    throw new Error('given a result');
  }

  protect(): void {
    throw new Error('asked to be deaf');
  }

  /** It talks whether it is asked to or not: the test's agent asks for nothing. */
  requestResponse(request: ResponseRequest): void {
    throw new Error(`asked for a response: ${request.instructions ?? ''}`);
  }

  close(): void {
    this.#closed = true;
  }

  /** `due`: the caller has spoken, and is answered whatever the time. */
  #speak(due = false): void {
    const { clock, untilMs, calmMs, bargeIns } = this.#options;
    const now = clock.now();
    if (now >= untilMs && !due) return;
    const random = this.#random;
    this.#number += 1;
    const responseId = `resp_${this.#number}`;
    const item: AudioItem = { responseId, itemId: `item_${this.#number}`, contentIndex: 0 };
    const ms = Math.round(random.chance(0.1) ? random.between(10, 60) : random.between(200, 9000));
    const audio = this.#newAudio(ms);
    const cut = now >= calmMs && now < untilMs && random.chance(bargeIns);
    this.answers.push({ itemId: item.itemId, audio, cut, heardMs: undefined });
    const epoch = this.#epoch;
    this.#events.responseStarted(responseId, undefined);
    this.#events.agentText(item, 'word '.repeat(Math.ceil(ms / 300)));
    // From a whole answer at once to hardly faster than it is spoken.
    const speed = random.chance(0.2) ? 1.02 : random.between(1.5, 40);
    const doneInMs = this.#send(item, audio, speed);
    this.#after(doneInMs, () => {
      if (epoch !== this.#epoch) return;
      this.#events.audioDone(item);
      this.#events.responseDone({ responseId, status: 'completed' });
    });
    const spokenMs = Math.max(ms, doneInMs);
    if (cut) this.#bargeIn(responseId, doneInMs, random.between(50, spokenMs));
    else this.#after(spokenMs + random.between(300, 3000), () => this.#speak());
  }

  /** Gives the audio in pieces; the milliseconds until the last of them. */
  #send(item: AudioItem, audio: Buffer, speed: number): number {
    const random = this.#random;
    const epoch = this.#epoch;
    const frame = bytesPerSample(this.sends);
    let inMs = 0;
    for (let at = 0; at < audio.length; ) {
      const bytes = Math.ceil(random.between(1, 400) * bytesPerMs(this.sends));
      const piece = audio.subarray(at, at + bytes - (bytes % frame));
      this.#after(inMs, () => {
        if (epoch === this.#epoch) this.#events.audio(item, AudioChunk.fromBytes(piece));
      });
      at += piece.length;
      inMs += piece.length / bytesPerMs(this.sends) / speed;
    }
    return inMs;
  }

  /** The caller speaks into the answer: where it is still being made, that ends. */
  #bargeIn(responseId: string, doneInMs: number, inMs: number): void {
    this.#after(inMs, () => {
      const making = inMs < doneInMs;
      this.#epoch += 1;
      this.#events.speechStarted(undefined);
      if (making) this.#events.responseDone({ responseId, status: 'cancelled' });
      const speechMs = this.#random.between(300, 1500);
      this.#after(speechMs, () => {
        this.#events.speechStopped(undefined);
        this.#after(this.#random.between(100, 900), () => this.#speak(true));
      });
    });
  }

  /** No stretch of it comes twice, nothing of it is silence, and no byte of it is also one of the answers beside it. */
  #newAudio(ms: number): Buffer {
    const size = bytesPerSample(this.sends);
    const audio = Buffer.alloc(Math.round((ms * this.sends.sampleRate) / 1000) * size);
    for (let at = 0; at < audio.length; at += 1) {
      this.#sample = (Math.imul(this.#sample, 1_664_525) + 1_013_904_223) >>> 0;
      // From 1 to 201: in no encoding is a byte of it silence.
      audio[at] = 1 + (this.#number % 3) + 3 * ((this.#sample >>> 16) % 67);
    }
    return audio;
  }

  #after(ms: number, action: () => void): void {
    this.#options.clock.setTimeout(() => {
      if (!this.#closed) action();
    }, ms);
  }
}
