import { decodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, bytesPerMs, bytesPerSample } from '../../audio/format.ts';
import type { CallerTurn } from './behaviours/behaviour.ts';
import type { Conversation } from './conversation.ts';
import type { Item, Send } from './events.ts';
import type { Ids } from './ids.ts';
import { InputBuffer } from './input-buffer.ts';
import { silenceMsOf, type TurnDetection } from './session-config.ts';
import { EventProblem } from './shape.ts';
import { EnergyVad, type VadEvent } from './vad.ts';

const shortestCommitMs = 100;
const longestBufferMs = 10 * 60_000;
/** While nobody speaks, this much is kept beyond the prefix padding. */
const quietReserveMs = 1000;

export interface CallerAudioHost {
  readonly conversation: Conversation;
  readonly ids: Ids;
  readonly send: Send;
  speechStarted(): void;
  /** A turn was committed by voice detection, by the client, or because nobody spoke. */
  committed(turn: CallerTurn, by: 'detection' | 'client' | 'idle'): void;
}

/**
 * The caller's side of a session: the input buffer, voice detection on what is received, and the turns committed
 * from it. All times are milliseconds of audio appended since the session began.
 */
export class CallerAudio {
  readonly #host: CallerAudioHost;
  #format: AudioFormat;
  #detection: TurnDetection | null = null;
  #vad: EnergyVad | undefined;
  #buffer: InputBuffer;
  /** Audio appended before the format changed. */
  #earlierMs = 0;
  #turnStartMs: number | undefined;
  #turnItemId: string | undefined;

  constructor(host: CallerAudioHost, format: AudioFormat, detection: TurnDetection | null) {
    this.#host = host;
    this.#format = format;
    this.#buffer = newBuffer(format);
    this.#detect(detection);
  }

  get appendedMs(): number {
    return this.#earlierMs + this.#buffer.end / bytesPerMs(this.#format);
  }

  get speaking(): boolean {
    return this.#vad?.speaking ?? false;
  }

  get droppedBytes(): number {
    return this.#buffer.droppedBytes;
  }

  configure(format: AudioFormat, detection: TurnDetection | null): void {
    if (format.encoding !== this.#format.encoding) {
      this.#earlierMs = this.appendedMs;
      this.#format = format;
      this.#buffer = newBuffer(format);
      this.#forgetTurn();
    } else if (JSON.stringify(detection) === JSON.stringify(this.#detection)) return;
    this.#detect(detection);
  }

  append(bytes: Buffer): void {
    if (bytes.length % bytesPerSample(this.#format) !== 0) {
      throw new EventProblem('invalid_value', 'The audio does not hold whole samples.', 'audio');
    }
    this.#buffer.append(bytes);
    if (this.#vad === undefined) return;
    this.#vad.process(bytes, (event) => this.#heard(event));
    if (this.#vad.speaking) return;
    const reserveMs =
      quietReserveMs + (this.#detection?.type === 'server_vad' ? this.#detection.prefix_padding_ms : 0);
    this.#buffer.forgetBefore(this.#buffer.end - reserveMs * bytesPerMs(this.#format));
  }

  /** The client's own commit. Throws where less than 100 ms are buffered. */
  commit(): void {
    const startMs = Math.max(this.#turnStartMs ?? 0, this.#msOf(this.#buffer.start));
    const heldMs = this.appendedMs - startMs;
    if (heldMs < shortestCommitMs) {
      const message = `Error committing input audio buffer: buffer too small. Expected at least ${shortestCommitMs}ms of audio, but buffer only has ${heldMs.toFixed(2)}ms of audio.`;
      throw new EventProblem('input_audio_buffer_commit_empty', message);
    }
    this.#vad?.reset();
    this.#take(startMs, this.appendedMs, this.appendedMs, 'client');
  }

  clear(): void {
    this.#buffer.forgetBefore(this.#buffer.end);
    this.#vad?.reset();
    this.#forgetTurn();
    this.#host.send({ type: 'input_audio_buffer.cleared' });
  }

  /** Lets go of the buffered audio: the session is over. */
  release(): void {
    this.#buffer.forgetBefore(this.#buffer.end);
  }

  /** Nobody spoke for `idle_timeout_ms`: an empty turn is committed. */
  commitSilence(): void {
    const endMs = Math.floor(this.appendedMs);
    const startMs = Math.floor(this.#msOf(this.#buffer.start));
    const itemId = this.#host.ids.next('item');
    this.#turnItemId = itemId;
    const span = { audio_start_ms: startMs, audio_end_ms: endMs };
    this.#host.send({ type: 'input_audio_buffer.timeout_triggered', ...span, item_id: itemId });
    this.#vad?.reset();
    this.#take(startMs, this.appendedMs, startMs, 'idle');
  }

  #detect(detection: TurnDetection | null): void {
    this.#detection = detection;
    this.#vad = undefined;
    this.#forgetTurn();
    if (detection === null) return;
    const server = detection.type === 'server_vad' ? detection : undefined;
    const options = {
      format: this.#format,
      threshold: server?.threshold ?? 0.5,
      prefixPaddingMs: server?.prefix_padding_ms ?? 300,
      silenceDurationMs: silenceMsOf(detection),
    };
    this.#vad = new EnergyVad(options, this.appendedMs);
  }

  #heard(event: VadEvent): void {
    const { send, ids } = this.#host;
    if (event.type === 'started') {
      this.#turnItemId = ids.next('item');
      this.#turnStartMs = Math.max(event.audioStartMs, this.#msOf(this.#buffer.start));
      send({
        type: 'input_audio_buffer.speech_started',
        audio_start_ms: Math.floor(this.#turnStartMs),
        item_id: this.#turnItemId,
      });
      this.#host.speechStarted();
      return;
    }
    const itemId = this.#turnItemId ?? ids.next('item');
    const audioEndMs = Math.floor(event.audioEndMs);
    send({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: audioEndMs, item_id: itemId });
    this.#take(this.#turnStartMs ?? 0, event.audioEndMs, event.lastVoiceMs, 'detection');
  }

  /** Moves audio from the buffer into a user item of the conversation. */
  #take(startMs: number, endMs: number, voiceEndMs: number, by: 'detection' | 'client' | 'idle'): void {
    const { conversation, send, ids } = this.#host;
    const format = this.#format;
    const audio = this.#buffer.slice(this.#placeOf(startMs), this.#placeOf(endMs));
    this.#buffer.forgetBefore(this.#placeOf(endMs));
    const id = this.#turnItemId ?? ids.next('item');
    this.#forgetTurn();
    const previous = conversation.lastId;
    const item = {
      id,
      object: 'realtime.item',
      type: 'message',
      status: 'completed',
      role: 'user',
      // The service sends null until the transcript is there; the published type has the field absent.
      content: [{ type: 'input_audio', transcript: null }],
    } as unknown as Item & { id: string };
    const entry = conversation.add(item, format);
    entry.audioBytes = audio.length;
    conversation.keepAudio(entry, audio);
    send({ type: 'input_audio_buffer.committed', previous_item_id: previous, item_id: id });
    send({ type: 'conversation.item.added', previous_item_id: previous, item });
    send({ type: 'conversation.item.done', previous_item_id: previous, item });
    const turn: CallerTurn = {
      itemId: id,
      durationMs: audio.length / bytesPerMs(format),
      voiceEndMs: voiceEndMs - startMs,
      sampleRate: format.sampleRate,
      samples: () => decodeSamples(audio, format),
    };
    this.#host.committed(turn, by);
  }

  #forgetTurn(): void {
    this.#turnItemId = undefined;
    this.#turnStartMs = undefined;
  }

  #msOf(place: number): number {
    return this.#earlierMs + place / bytesPerMs(this.#format);
  }

  #placeOf(ms: number): number {
    const unit = bytesPerSample(this.#format);
    return Math.round(((ms - this.#earlierMs) * bytesPerMs(this.#format)) / unit) * unit;
  }
}

function newBuffer(format: AudioFormat): InputBuffer {
  return new InputBuffer(longestBufferMs * bytesPerMs(format));
}
