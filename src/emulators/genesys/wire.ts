import { pcmu8k } from '../../audio/format.ts';
import type { Acknowledgement, LineCommand, LineFrame, LineWire } from '../phone/line-wire.ts';
import { ClientEnvelope, type OpenDetails, openParameters } from './client-envelope.ts';
import { durationOf } from './duration.ts';
import { type GenesysLimits, knownLimits, type LimitVerdict, ServerLimits } from './limits.ts';
import { type Pauser, Pausing } from './pausing.ts';
import { type Entity, type ServerMessage, ServerReader } from './server-message.ts';
import { type CloseReason, emptySessionRecord, type SessionRecord } from './session-record.ts';

export interface GenesysWireOptions {
  /** Also in the header `Audiohook-Session-Id`. */
  readonly sessionId: string;
  readonly open: OpenDetails;
  /** The clock's milliseconds. */
  readonly now: () => number;
  /** Bytes of one audio message: Genesys was seen to send 1600, others 800. */
  readonly frameBytes?: number;
  readonly limits?: GenesysLimits;
  /** What a server gets that sends too many messages: a mark in the record, or error 429 and the end if it goes on. */
  readonly overLimit?: 'noted' | 'told';
  readonly retryAfterMs?: number;
  /** Whether `playback_completed` follows a flush; Genesys does not say. */
  readonly completesAfterFlush?: boolean;
}

const bytesPerMs = 8;
const maxAudioBytes = 64_000;
/** What was under way when `close` was sent is not held against the server. */
const graceMs = 250;
const maxNotes = 1_000;

/**
 * Genesys's end of one Audio Connector session: `open`, the caller's audio once it is `opened`, pings, playback
 * reports, keys, pauses and `close`. AudioHook protocol, version 2.
 */
export class GenesysWire implements LineWire {
  readonly speaks = pcmu8k;
  readonly hears = pcmu8k;
  readonly awaitsGateway = true;
  readonly awaitsGoodbye = true;
  readonly record: SessionRecord = emptySessionRecord();
  /** Of the `close` that ends the session for another reason than the caller or the server. */
  carrierReason: CloseReason = 'error';
  readonly #options: Required<GenesysWireOptions>;
  readonly #envelope: ClientEnvelope;
  readonly #reader: ServerReader;
  readonly #limits: ServerLimits;
  readonly #pausing = new Pausing();
  #held: Buffer[] = [];
  #heldBytes = 0;
  #sentBytes = 0;
  #ping: { readonly seq: number; readonly sentAtMs: number } | undefined;

  constructor(options: GenesysWireOptions) {
    this.#options = {
      frameBytes: 1600,
      limits: knownLimits,
      overLimit: 'noted',
      retryAfterMs: 3000,
      completesAfterFlush: false,
      ...options,
    };
    this.#envelope = new ClientEnvelope(options.sessionId);
    this.#reader = new ServerReader(options.sessionId, options.open.media);
    this.#limits = new ServerLimits(this.#options.limits);
  }

  /** A ping was sent whose pong has not come. */
  get awaitsPong(): boolean {
    return this.#ping !== undefined;
  }

  /** Of the caller's audio that was sent. */
  get positionMs(): number {
    return this.#sentBytes / bytesPerMs;
  }

  opening(): readonly LineFrame[] {
    return [this.message('open', openParameters(this.#options.open))];
  }

  /** A message in Genesys's envelope. */
  message(type: string, parameters: object = {}): string {
    return this.#envelope.message(type, parameters, this.positionMs);
  }

  audio(frame: Buffer): Buffer | undefined {
    if (this.#pausing.paused) {
      this.#pausing.discardedBytes += frame.length;
      return undefined;
    }
    this.#held.push(frame);
    this.#heldBytes += frame.length;
    if (this.#heldBytes < this.#options.frameBytes) return undefined;
    const all = Buffer.concat(this.#held);
    const message = all.subarray(0, this.#options.frameBytes);
    this.#held = [all.subarray(this.#options.frameBytes)];
    this.#heldBytes -= message.length;
    this.#sentBytes += message.length;
    return message;
  }

  digit(digit: string): string {
    return this.message('dtmf', { digit });
  }

  acknowledge(what: Acknowledgement): string | undefined {
    switch (what.type) {
      case 'started':
        return this.message('playback_started');
      case 'completed':
        return this.message('playback_completed');
      case 'cleared':
        return this.#options.completesAfterFlush ? this.message('playback_completed') : undefined;
      case 'mark':
        return undefined;
    }
  }

  closing(by: 'caller' | 'carrier' | 'gateway'): readonly LineFrame[] {
    const reasons = { caller: 'end', gateway: 'disconnect', carrier: this.carrierReason } as const;
    this.record.closeReason = reasons[by];
    this.record.closeSentAtMs = this.#options.now();
    return [this.message('close', { reason: this.record.closeReason })];
  }

  ping(): string {
    const rtt = this.record.roundTripsMs.at(-1);
    const text = this.message('ping', rtt === undefined ? {} : { rtt: durationOf(rtt) });
    this.#ping = { seq: this.#envelope.seq, sentAtMs: this.#options.now() };
    return text;
  }

  error(code: number, message: string, retryAfterMs?: number): string {
    const retry = retryAfterMs === undefined ? {} : { retryAfter: durationOf(retryAfterMs) };
    return this.message('error', { code, message, ...retry });
  }

  /** Error 429: the server is to send no audio for so long. Without a time it has to know by itself. */
  limit(retryAfterMs?: number): string {
    this.record.limitsSent += 1;
    this.#limits.told(this.#options.now(), retryAfterMs ?? this.#options.retryAfterMs);
    return this.error(429, 'Too many messages', retryAfterMs);
  }

  /** The caller's audio is thrown away from now on. */
  pause(by: Pauser): string {
    this.#pausing.pause(by, this.#sentBytes);
    this.record.pauses += 1;
    return this.message('paused');
  }

  /** Says that it is paused still, where the other side wants it so. */
  resume(by: Pauser): string {
    this.#pausing.resume(by);
    if (this.#pausing.paused) return this.message('paused');
    const { startBytes, discardedBytes } = this.#pausing;
    return this.message('resumed', {
      start: durationOf(startBytes / bytesPerMs),
      discarded: durationOf(discardedBytes / bytesPerMs),
    });
  }

  read(data: Buffer | string, isBinary: boolean): readonly LineCommand[] {
    return isBinary ? this.#readAudio(Buffer.from(data)) : this.#readText(data);
  }

  #readAudio(audio: Buffer): LineCommand[] {
    const now = this.#options.now();
    const untimely = this.#untimely(now);
    const commands: LineCommand[] =
      untimely === undefined ? [] : [violation(untimely, `${audio.length} bytes`)];
    if (audio.length === 0) commands.push(violation('malformed', 'an empty binary message'));
    if (audio.length > maxAudioBytes) commands.push(violation('audio-too-large', `${audio.length} bytes`));
    commands.push(...this.#judged(this.#limits.audio(now), 'audio-rate'));
    this.#noteAudio(audio.length / bytesPerMs);
    return [...commands, { do: 'play', audio }];
  }

  /** What is wrong with audio now, in one word. */
  #untimely(now: number): string | undefined {
    const { openedAtMs, media, disconnect, closeSentAtMs } = this.record;
    if (openedAtMs === undefined) return 'audio-before-opened';
    if (media === undefined) return 'audio-unwanted';
    if (disconnect !== undefined) return 'audio-after-disconnect';
    if (closeSentAtMs === undefined || now <= closeSentAtMs + graceMs) return undefined;
    return 'audio-after-close';
  }

  #noteAudio(ms: number): void {
    const { record } = this;
    record.shortestAudioMs = record.audioMessages === 0 ? ms : Math.min(record.shortestAudioMs, ms);
    record.longestAudioMs = Math.max(record.longestAudioMs, ms);
    record.audioMessages += 1;
    record.audioMs += ms;
  }

  #readText(data: Buffer | string): LineCommand[] {
    const { message, faults } = this.#reader.read(data, this.#envelope.seq);
    this.#envelope.serverseq = this.#reader.seq;
    const commands: LineCommand[] = faults.map(({ kind, detail }) => violation(kind, detail));
    commands.push(...this.#judged(this.#limits.text(this.#options.now()), 'text-rate'));
    if (message !== undefined) commands.push(...this.#obey(message));
    return commands;
  }

  #judged(verdict: LimitVerdict, kind: string): LineCommand[] {
    if (verdict === 'fine') return [];
    const told = this.#options.overLimit === 'told';
    if (verdict === 'ignored') {
      return [{ ...violation('ignored-429', 'audio within retryAfter'), ...(told ? { fatal: true } : {}) }];
    }
    if (!told) return [violation(kind, 'more messages than Genesys takes')];
    if (this.#limits.holds(this.#options.now())) return [];
    return [{ do: 'answer', frame: this.limit(this.#options.retryAfterMs) }];
  }

  #obey(message: ServerMessage): LineCommand[] {
    const { record } = this;
    switch (message.type) {
      case 'opened':
        return this.#opened(message);
      case 'pong':
        return this.#pong(message.clientseq);
      case 'closed':
        record.closedParameters = message.parameters;
        record.closedAtMs = this.#options.now();
        return [{ do: 'goodbye' }];
      case 'disconnect': {
        const { reason, info, outputVariables } = message;
        if (record.disconnect !== undefined) return [violation('disconnected-twice', reason)];
        record.disconnect = { reason, info, outputVariables };
        return [{ do: 'hang-up' }];
      }
      case 'reconnect':
        // Genesys says that it does not re-establish sessions.
        return [violation('unsupported', 'reconnect')];
      case 'pause':
        return [{ do: 'answer', frame: this.pause('server') }];
      case 'resume':
        return [{ do: 'answer', frame: this.resume('server') }];
      case 'updated':
        record.updates += 1;
        return [];
      case 'event':
        return message.entities.flatMap((entity) => this.#event(entity));
    }
  }

  #opened({ media, startPaused }: Extract<ServerMessage, { type: 'opened' }>): LineCommand[] {
    const { record } = this;
    if (record.openedAtMs !== undefined) return [violation('opened-twice', 'opened after opened')];
    record.openedAtMs = this.#options.now();
    record.media = media[0];
    if (startPaused) this.#pausing.pause('server', 0);
    return record.media === undefined ? [] : [{ do: 'ready' }];
  }

  /** The first pong is answered with another ping, so that the round trip is known early. */
  #pong(clientseq: number): LineCommand[] {
    const ping = this.#ping;
    if (ping === undefined) return [violation('pong-unasked', `clientseq ${clientseq}`)];
    if (clientseq !== ping.seq)
      return [violation('wrong-pong', `clientseq ${clientseq} for ping ${ping.seq}`)];
    this.#ping = undefined;
    const { roundTripsMs } = this.record;
    if (roundTripsMs.length < maxNotes) roundTripsMs.push(this.#options.now() - ping.sentAtMs);
    return roundTripsMs.length === 1 ? [{ do: 'answer', frame: this.ping() }] : [];
  }

  #event(entity: Entity): LineCommand[] {
    const { record } = this;
    switch (entity.type) {
      case 'barge_in':
        record.bargeIns += 1;
        return [{ do: 'clear' }];
      case 'bot_turn_response':
        if (record.botTurns.length < maxNotes) record.botTurns.push(entity.data);
        return [];
      case 'other':
        if (record.otherEntities.length < maxNotes) record.otherEntities.push(entity.name);
        return [];
    }
  }
}

function violation(kind: string, detail: string): Extract<LineCommand, { do: 'violation' }> {
  return { do: 'violation', kind, detail };
}
