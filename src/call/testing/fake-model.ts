import { AudioChunk } from '../../audio/chunk.ts';
import { type AudioFormat, bytesPerMs, pcmu8k } from '../../audio/format.ts';
import type { PatchcordError } from '../../base/errors.ts';
import type {
  AudioItem,
  Interruption,
  ModelCapabilities,
  ModelEvents,
  ModelSession,
  ResponseRequest,
  SessionOptions,
  SpeechModel,
} from '../model-session.ts';

/** A model that does what a test tells it, and remembers what it was told. */
export class FakeModel implements SpeechModel {
  readonly name = 'fake';
  readonly sessions: FakeSession[] = [];
  readonly #format: AudioFormat;

  constructor(format: AudioFormat = pcmu8k) {
    this.#format = format;
  }

  /** The session opened last. */
  get session(): FakeSession {
    const session = this.sessions.at(-1);
    if (!session) throw new Error('no session was opened');
    return session;
  }

  open(options: SessionOptions, events: ModelEvents): ModelSession {
    const session = new FakeSession(options, events, this.#format);
    this.sessions.push(session);
    return session;
  }
}

export class FakeSession implements ModelSession {
  readonly capabilities: ModelCapabilities = {
    truncate: true,
    cancel: true,
    cancelsOnSpeech: true,
    respondsToSpeech: true,
  };
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
  readonly truncateMarginMs = 0;
  readonly options: SessionOptions;
  readonly events: ModelEvents;
  readonly appended: AudioChunk[] = [];
  readonly interruptions: Interruption[] = [];
  readonly requests: ResponseRequest[] = [];
  readonly texts: { readonly role: string; readonly text: string }[] = [];
  readonly results: { readonly toolCallId: string; readonly output: string }[] = [];
  readonly protections: boolean[] = [];
  closed = false;
  /** Set by a test whose session can be replaced. */
  renew?: (error: PatchcordError) => void;
  restart?: () => void;

  constructor(options: SessionOptions, events: ModelEvents, format: AudioFormat) {
    this.options = options;
    this.events = events;
    this.receives = format;
    this.sends = format;
  }

  appendAudio(audio: AudioChunk): void {
    this.appended.push(audio);
  }

  interrupt(interruption: Interruption): void {
    this.interruptions.push(interruption);
  }

  addText(role: 'caller' | 'system', text: string): void {
    this.texts.push({ role, text });
  }

  toolResult(toolCallId: string, output: string): void {
    this.results.push({ toolCallId, output });
  }

  requestResponse(request: ResponseRequest): void {
    this.requests.push(request);
  }

  protect(on: boolean): void {
    this.protections.push(on);
  }

  close(): void {
    this.closed = true;
  }

  /** Milliseconds of caller audio received. */
  get appendedMs(): number {
    return this.appended.reduce((sum, chunk) => sum + chunk.byteLength, 0) / bytesPerMs(this.receives);
  }

  /** Gives `ms` of audio of an item in deltas. */
  speak(item: AudioItem, ms: number, deltaMs = ms): void {
    for (let at = 0; at < ms; at += deltaMs) {
      const length = Math.min(deltaMs, ms - at) * bytesPerMs(this.sends);
      this.events.audio(item, AudioChunk.fromBytes(Buffer.alloc(length, 1)));
    }
  }

  /** A whole response with one item. */
  answer(responseId: string, itemId: string, ms: number, text: string, requestId?: string): AudioItem {
    const item = { responseId, itemId, contentIndex: 0 };
    this.events.responseStarted(responseId, requestId);
    this.events.agentText(item, text);
    this.speak(item, ms, 400);
    this.events.audioDone(item);
    this.events.responseDone({ responseId, status: 'completed' });
    return item;
  }
}
