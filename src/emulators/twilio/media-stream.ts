import type { Clock, Timeout } from '../../base/clock.ts';
import { NetworkConditions, type NetworkPath } from '../network.ts';
import type { AgentSound, Caller, CallerFrame } from './caller.ts';
import { frameMs } from './caller-audio.ts';
import { type GatewayMessage, readGatewayMessage, type ViolationKind } from './gateway-message.ts';
import { MediaPlayer, type MediaPlayerOptions } from './media-player.ts';
import type { SpeechRecord, StreamEnd, StreamRecord } from './stream-record.ts';

/** How the stream reaches the gateway: a WebSocket, or a function call in virtual time. */
export interface StreamTransport {
  send(text: string): void;
  /** Closes in order, after everything that was sent. */
  close(): void;
  /** Loses the connection without a goodbye. */
  destroy(): void;
  /** Bytes that were sent but not yet taken by the peer. */
  bufferedBytes?(): number;
}

export interface MediaStreamOptions {
  readonly clock: Clock;
  readonly transport: StreamTransport;
  readonly caller: Caller;
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly network?: NetworkConditions;
  readonly player?: MediaPlayerOptions;
  /** How long the call is expected to last; places random drops. */
  readonly expectedMs?: number;
  /** Told once, when the stream is over for whatever reason. */
  ended?(record: StreamRecord): void;
}

interface Outgoing {
  readonly text: string;
  readonly kind: 'start' | 'stop' | 'other';
}

const lateAfterMs = 10;
const skipAfterMs = 1_000;
const maxBufferedBytes = 1_000_000;
const maxViolations = 100;

/**
 * Twilio's end of one bidirectional media stream, without any socket: sends `connected`, `start`, a `media` of
 * 160 bytes every 20 ms on absolute deadlines, `dtmf`, `mark`, `stop`, and plays what comes back.
 * Twilio, "Media Streams - WebSocket messages": all counters are strings, sample rate and channels are numbers.
 */
export class MediaStream {
  readonly player: MediaPlayer;
  readonly #options: MediaStreamOptions;
  readonly #clock: Clock;
  readonly #record: StreamRecord;
  readonly #network: NetworkConditions;
  readonly #toGateway: NetworkPath<Outgoing>;
  readonly #toCarrier: NetworkPath<{ data: Buffer | string; isBinary: boolean }>;
  readonly #marksBack: NetworkPath<string>;
  readonly #timers = new Set<Timeout>();
  #sequence = 0;
  #slot = 0;
  #startDelivered = false;
  #stopping = false;
  #stoppedBy: 'caller' | 'carrier' = 'caller';
  #pace: Timeout | undefined;
  #agentStartedAtMs: number | undefined;
  #agentSilentAtMs: number | undefined;
  #agentClearedAtMs: number | undefined;
  #awaitingReply: SpeechRecord | undefined;

  constructor(options: MediaStreamOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#network = options.network ?? new NetworkConditions(options.clock);
    this.player = new MediaPlayer(
      options.clock,
      {
        mark: (name) => this.#marksBack.send(name),
        started: (atMs) => this.#agentStarted(atMs),
        silent: (atMs, how) => this.#agentSilent(atMs, how),
      },
      options.player,
    );
    this.#toGateway = this.#network.path('toGateway', (message: Outgoing) => this.#transmit(message));
    this.#toCarrier = this.#network.path('toCarrier', ({ data, isBinary }) => this.#arrived(data, isBinary));
    this.#marksBack = this.#network.path('marks', (name) => this.#send('mark', { mark: { name } }));
    this.#record = newRecord(options.streamSid, this.#clock.now(), this.player);
  }

  /** A live view; numbers that change with the clock are brought up to now. */
  get record(): StreamRecord {
    const { player } = this;
    return Object.assign(this.#record, {
      playedMs: player.playedMs,
      underruns: player.underruns,
      underrunMs: player.underrunMs,
      playbackStalls: player.stalls,
      missedSteps: this.#options.caller.missedSteps,
    });
  }

  get ended(): boolean {
    return this.#record.endedBy !== undefined;
  }

  /** To be called once, when the transport is open. */
  start(): void {
    if (this.ended) return;
    const { accountSid, callSid, streamSid, parameters, caller } = this.#options;
    this.#post({ text: '{"event":"connected","protocol":"Call","version":"1.0.0"}', kind: 'other' });
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const customParameters = { ...parameters };
    const start = { streamSid, accountSid, callSid, tracks: ['inbound'], customParameters, mediaFormat };
    this.#send('start', { start }, 'start');
    caller.begin(this.#clock.now());
    this.#armPace();
    this.#armPlaybackStall();
    const dropInMs = this.#network.dropAtMs(this.#options.expectedMs ?? 30_000);
    if (dropInMs !== undefined) this.#after(dropInMs, () => this.#lose('network'));
  }

  /** One frame from the gateway. */
  receive(data: Buffer | string, isBinary: boolean): void {
    if (this.ended) return;
    this.#record.messagesFromGateway += 1;
    this.#record.bytesFromGateway += data.length;
    if (!this.#startDelivered) this.#violation('media-before-start', 'sent before start');
    if (!this.#toCarrier.send({ data, isBinary })) {
      this.#violation('flood', 'more is under way than may be');
      this.#lose('carrier');
    }
  }

  pressDigit(digit: string): void {
    if (this.ended || this.#stopping) return;
    this.#record.digitsSent += 1;
    this.#send('dtmf', { dtmf: { track: 'inbound_track', digit } });
  }

  /** Ends the stream from Twilio's side: `stop`, then the socket closes. */
  stop(by: 'caller' | 'carrier'): void {
    if (this.ended || this.#stopping) return;
    this.#stopping = true;
    this.#stoppedBy = by;
    this.#pace?.cancel();
    const { accountSid, callSid } = this.#options;
    this.#send('stop', { stop: { accountSid, callSid } }, 'stop');
  }

  /** The transport is gone; does nothing when the stream had ended before. */
  closed(code: number): void {
    this.#record.closeCode ??= code;
    this.#end(code === 1006 ? 'network' : 'gateway');
  }

  #armPace(): void {
    const due = this.#record.startedAtMs + (this.#slot + 1) * frameMs;
    this.#pace = this.#clock.setTimeout(() => this.#tick(), Math.max(0, due - this.#clock.now()));
  }

  #tick(): void {
    const now = this.#clock.now();
    const record = this.#record;
    // System timers may fire a fraction of a millisecond early.
    for (;;) {
      const due = record.startedAtMs + (this.#slot + 1) * frameMs;
      if (due > now + 0.5 || this.ended || this.#stopping) break;
      this.#slot += 1;
      const lateMs = now - due;
      record.maxLateMs = Math.max(record.maxLateMs, lateMs);
      if (lateMs > lateAfterMs) record.framesLate += 1;
      this.#frame(now, lateMs > skipAfterMs);
    }
    if (!this.ended && !this.#stopping) this.#armPace();
  }

  #frame(now: number, skip: boolean): void {
    const frame = this.#options.caller.nextFrame(now, this.#agentSound());
    this.#noteSpeech(frame, now);
    const congested = (this.#options.transport.bufferedBytes?.() ?? 0) > maxBufferedBytes;
    if (skip || congested) this.#record.framesLost += 1;
    else this.#sendMedia(frame.payload);
    if (frame.digit !== undefined) this.pressDigit(frame.digit);
    if (frame.hangUp) this.stop('caller');
  }

  /** Written by hand: this is the one message that is made fifty times a second. */
  #sendMedia(payload: string): void {
    this.#sequence += 1;
    this.#record.framesSent += 1;
    const text =
      `{"event":"media","sequenceNumber":"${this.#sequence}","media":{"track":"inbound",` +
      `"chunk":"${this.#slot}","timestamp":"${this.#slot * frameMs}","payload":"${payload}"},` +
      `"streamSid":"${this.#options.streamSid}"}`;
    this.#post({ text, kind: 'other' });
  }

  #send(event: string, body: object, kind: Outgoing['kind'] = 'other'): void {
    this.#sequence += 1;
    const { streamSid } = this.#options;
    this.#post({
      text: JSON.stringify({ event, sequenceNumber: String(this.#sequence), streamSid, ...body }),
      kind,
    });
  }

  #post(message: Outgoing): void {
    if (!this.ended && !this.#toGateway.send(message)) this.#lose('carrier');
  }

  #transmit({ text, kind }: Outgoing): void {
    this.#record.bytesToGateway += text.length;
    if (kind === 'start') this.#startDelivered = true;
    this.#options.transport.send(text);
    if (kind === 'stop') {
      this.#options.transport.close();
      this.#end(this.#stoppedBy);
    }
  }

  #arrived(data: Buffer | string, isBinary: boolean): void {
    const reading = readGatewayMessage(data, isBinary, this.#options.streamSid);
    if (reading.ok) this.#obey(reading.message);
    else this.#violation(reading.violation, reading.detail);
  }

  #obey(message: GatewayMessage): void {
    switch (message.event) {
      case 'media':
        this.#play(message.audio);
        break;
      case 'mark':
        this.player.mark(message.name);
        break;
      case 'clear':
        this.#noteClear();
        this.player.clear();
        break;
    }
  }

  #play(audio: Buffer): void {
    const soundsAtMs = this.player.play(audio);
    if (soundsAtMs === undefined) this.#violation('buffer-overflow', 'more audio than can be queued');
    if (soundsAtMs === undefined || audio.length === 0) return;
    this.#record.firstAudioAtMs ??= soundsAtMs;
    if (this.#awaitingReply !== undefined) this.#awaitingReply.replyAtMs ??= soundsAtMs;
  }

  #noteSpeech(frame: CallerFrame, now: number): void {
    const { speeches } = this.#record;
    if (frame.speech === 'first' || frame.speech === 'only') {
      this.#awaitingReply = undefined;
      const overAgent = this.player.playing;
      speeches.push({
        startedAtMs: now,
        endedAtMs: undefined,
        overAgent,
        clearedAtMs: undefined,
        replyAtMs: undefined,
      });
    }
    const speech = speeches.at(-1);
    if (speech === undefined || (frame.speech !== 'last' && frame.speech !== 'only')) return;
    speech.endedAtMs = now + frameMs;
    // While the old answer still sounds, new audio may belong to it: wait for the clear.
    if (!this.player.playing) this.#awaitingReply = speech;
  }

  #noteClear(): void {
    const now = this.#clock.now();
    const speech = this.#record.speeches.at(-1);
    if (speech === undefined) return;
    if (this.player.playing) speech.clearedAtMs ??= now;
    if (speech.endedAtMs === undefined) return;
    if (speech.replyAtMs !== undefined && speech.replyAtMs <= now) return;
    speech.replyAtMs = undefined;
    this.#awaitingReply = speech;
  }

  #agentSound(): AgentSound {
    return {
      playing: this.player.playing,
      startedAtMs: this.#agentStartedAtMs,
      silentAtMs: this.#agentSilentAtMs,
      clearedAtMs: this.#agentClearedAtMs,
    };
  }

  #agentStarted(atMs: number): void {
    this.#agentStartedAtMs = atMs;
  }

  #agentSilent(atMs: number, how: 'played' | 'cleared'): void {
    this.#agentSilentAtMs = atMs;
    if (how === 'cleared') this.#agentClearedAtMs = atMs;
  }

  #armPlaybackStall(): void {
    const stall = this.#network.nextPlaybackStall();
    if (stall === undefined) return;
    this.#after(stall.inMs, () => {
      this.player.stall(stall.forMs);
      this.#armPlaybackStall();
    });
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.add(timer);
  }

  #lose(by: StreamEnd): void {
    if (this.ended) return;
    this.#options.transport.destroy();
    this.#end(by);
  }

  #violation(kind: ViolationKind, detail: string): void {
    this.#record.violationCount += 1;
    const { violations } = this.#record;
    if (violations.length < maxViolations) violations.push({ kind, detail, atMs: this.#clock.now() });
  }

  #end(by: StreamEnd): void {
    if (this.ended) return;
    this.#record.endedBy = by;
    this.#record.endedAtMs = this.#clock.now();
    this.#pace?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const path of [this.#toGateway, this.#toCarrier, this.#marksBack]) path.close();
    this.player.close();
    this.#options.ended?.(this.record);
  }
}

function newRecord(streamSid: string, startedAtMs: number, player: MediaPlayer): StreamRecord {
  return {
    streamSid,
    startedAtMs,
    endedAtMs: undefined,
    endedBy: undefined,
    closeCode: undefined,
    firstAudioAtMs: undefined,
    framesSent: 0,
    framesLate: 0,
    maxLateMs: 0,
    framesLost: 0,
    bytesToGateway: 0,
    bytesFromGateway: 0,
    messagesFromGateway: 0,
    digitsSent: 0,
    speeches: [],
    violations: [],
    violationCount: 0,
    media: player.media,
    marks: player.marks,
    clears: player.clears,
    playedMs: 0,
    underruns: 0,
    underrunMs: 0,
    playbackStalls: 0,
    missedSteps: 0,
  };
}
