import type { Clock, Timeout } from '../../base/clock.ts';
import { NetworkConditions, type NetworkPath } from '../network.ts';
import { AgentVoice } from './agent-voice.ts';
import type { AgentSound, Caller } from './caller.ts';
import { frameMs } from './caller-audio.ts';
import type { LineEnd, LineRecord } from './line-record.ts';
import type { Acknowledgement, LineCommand, LineFrame, LineTransport, LineWire } from './line-wire.ts';
import {
  type LinePlayer,
  MediaPlayer,
  type MediaPlayerEvents,
  type MediaPlayerOptions,
  type PlayerClear,
} from './media-player.ts';
import { SpeechLog } from './speech-log.ts';

export interface PhoneLineOptions {
  readonly clock: Clock;
  readonly transport: LineTransport;
  readonly wire: LineWire;
  readonly caller: Caller;
  readonly network?: NetworkConditions;
  readonly player?: MediaPlayerOptions;
  /** For a carrier that plays in a way of its own: takes the place of the usual player. */
  newPlayer?(events: MediaPlayerEvents): LinePlayer;
  /** How long the call is expected to last; places random drops. */
  readonly expectedMs?: number;
  /** Told once, when the line is over for whatever reason. */
  ended?(record: LineRecord): void;
}

interface Outgoing {
  readonly frame: LineFrame | undefined;
  readonly kind: 'opening' | 'last' | 'other';
}

const lateAfterMs = 10;
const skipAfterMs = 1_000;
const goodbyeWithinMs = 5_000;
/** What comes every 20 ms may be late by this. */
const dryAfterMs = 60;
const maxBufferedBytes = 1_000_000;
const maxViolations = 100;
const maxDigits = 1_000;

/**
 * A carrier's end of one call's media, without any socket: opens it, sends the caller's voice every 20 ms on absolute
 * deadlines, plays what comes back, tells how far it was played, and writes down everything. The carrier's own words
 * are its wire's.
 */
export class PhoneLine {
  readonly player: LinePlayer;
  readonly #options: PhoneLineOptions;
  readonly #clock: Clock;
  readonly #wire: LineWire;
  readonly #record: LineRecord;
  readonly #speech = new SpeechLog();
  readonly #network: NetworkConditions;
  readonly #toGateway: NetworkPath<Outgoing>;
  readonly #toCarrier: NetworkPath<{ data: Buffer | string; isBinary: boolean }>;
  readonly #acks: NetworkPath<Acknowledgement>;
  readonly #timers = new Set<Timeout>();
  /** Only where the gateway fills silence. */
  readonly #voice: AgentVoice | undefined;
  readonly #silences: PlayerClear[] = [];
  #slot = 0;
  #mediaStartedAtMs: number | undefined;
  #opened = false;
  #stoppedBy: 'caller' | 'carrier' | 'gateway' | undefined;
  #pace: Timeout | undefined;
  #agentStartedAtMs: number | undefined;
  #agentSilentAtMs: number | undefined;
  #agentClearedAtMs: number | undefined;
  #dryAtMs: number | undefined;

  constructor(options: PhoneLineOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#wire = options.wire;
    this.#network = options.network ?? new NetworkConditions(options.clock);
    const { hears, marksOnClear = 'returned', fillsSilence = false, runsDry = false } = options.wire;
    this.#voice = fillsSilence ? new AgentVoice(hears) : undefined;
    const events: MediaPlayerEvents = {
      mark: (name, how) => this.#acks.send({ type: 'mark', name, how }),
      started: (atMs) => this.#agentStarted(atMs),
      silent: (atMs, how) => this.#agentSilent(atMs, how),
    };
    this.player =
      options.newPlayer?.(events) ??
      new MediaPlayer(options.clock, hears, events, { marksOnClear, ...options.player });
    this.#toGateway = this.#network.path('toGateway', (message: Outgoing) => this.#transmit(message));
    this.#toCarrier = this.#network.path('toCarrier', ({ data, isBinary }) => this.#arrived(data, isBinary));
    this.#acks = this.#network.path('marks', (what) => this.#acknowledge(what));
    const { media, marks } = this.player;
    const clears = fillsSilence || runsDry ? this.#silences : this.player.clears;
    const { speeches } = this.#speech;
    this.#record = { ...emptyRecord(this.#clock.now()), speeches, media, marks, clears };
  }

  /** A live view; numbers that change with the clock are brought up to now. */
  get record(): LineRecord {
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
    const opening = this.#wire.opening();
    for (const [at, frame] of opening.entries()) {
      this.#post({ frame, kind: at === opening.length - 1 ? 'opening' : 'other' });
    }
    if (opening.length === 0) this.#opened = true;
    if (this.#wire.awaitsGateway !== true) this.#startMedia();
    const dropInMs = this.#network.dropAtMs(this.#options.expectedMs ?? 30_000);
    if (dropInMs !== undefined) this.#after(dropInMs, () => this.#lose('network'));
  }

  /** One message from the gateway. */
  receive(data: Buffer | string, isBinary: boolean): void {
    if (this.ended) return;
    this.#record.messagesFromGateway += 1;
    this.#record.bytesFromGateway += data.length;
    if (!this.#opened) this.#violation('media-before-start', 'sent before the carrier has begun');
    if (!this.#toCarrier.send({ data, isBinary })) {
      this.#violation('flood', 'more is under way than may be');
      this.#lose('carrier');
    }
  }

  /** A message of the carrier's own, such as a ping. */
  send(frame: LineFrame): void {
    if (!this.ended) this.#post({ frame, kind: 'other' });
  }

  pressDigit(digit: string): void {
    if (this.ended || this.#stoppedBy !== undefined) return;
    this.#record.digitsSent += 1;
    const frame = this.#wire.digit(digit);
    if (frame !== undefined) this.#post({ frame, kind: 'other' });
  }

  /** Ends the line in order: the carrier's last words, then the connection closes. */
  stop(by: 'caller' | 'carrier' | 'gateway'): void {
    if (this.ended || this.#stoppedBy !== undefined) return;
    this.#stoppedBy = by;
    this.#pace?.cancel();
    const words = this.#wire.closing(by);
    for (const frame of words.slice(0, -1)) this.#post({ frame, kind: 'other' });
    this.#post({ frame: words.at(-1), kind: 'last' });
  }

  /** The connection is gone; does nothing when the line had ended before. */
  closed(code: number): void {
    this.#record.closeCode ??= code;
    this.#end(code === 1006 ? 'network' : (this.#stoppedBy ?? 'gateway'));
  }

  /** The carrier breaks the connection because of what the gateway did, or failed to do in time. */
  breakOff(kind: string, detail: string): void {
    if (this.ended) return;
    this.#violation(kind, detail);
    this.#lose('carrier');
  }

  #startMedia(): void {
    if (this.#mediaStartedAtMs !== undefined || this.#stoppedBy !== undefined) return;
    this.#mediaStartedAtMs = this.#clock.now();
    this.#options.caller.begin(this.#mediaStartedAtMs, this.#wire.speaks);
    this.#armPace(this.#mediaStartedAtMs);
    this.#armPlaybackStall();
  }

  #armPace(startedAtMs: number): void {
    const due = startedAtMs + (this.#slot + 1) * frameMs;
    this.#pace = this.#clock.setTimeout(() => this.#tick(startedAtMs), Math.max(0, due - this.#clock.now()));
  }

  #tick(startedAtMs: number): void {
    const now = this.#clock.now();
    const record = this.#record;
    // System timers may fire a fraction of a millisecond early.
    for (;;) {
      const due = startedAtMs + (this.#slot + 1) * frameMs;
      if (due > now + 0.5 || this.ended || this.#stoppedBy !== undefined) break;
      this.#slot += 1;
      const lateMs = now - due;
      record.maxLateMs = Math.max(record.maxLateMs, lateMs);
      if (lateMs > lateAfterMs) record.framesLate += 1;
      this.#frame(now, lateMs > skipAfterMs);
    }
    this.#noteSilence(now);
    if (!this.ended && this.#stoppedBy === undefined) this.#armPace(startedAtMs);
  }

  #frame(now: number, skip: boolean): void {
    const sound = this.#agentSound(now);
    const frame = this.#options.caller.nextFrame(now, sound);
    this.#speech.frame(frame.speech, now, sound.playing);
    const congested = (this.#options.transport.bufferedBytes?.() ?? 0) > maxBufferedBytes;
    if (skip || congested) this.#record.framesLost += 1;
    else this.#sendAudio(frame.audio);
    if (frame.digit !== undefined) this.pressDigit(frame.digit);
    if (frame.hangUp) this.stop('caller');
  }

  #sendAudio(audio: Buffer): void {
    this.#record.framesSent += 1;
    const frame = this.#wire.audio(audio, this.#slot);
    if (frame !== undefined) this.#post({ frame, kind: 'other' });
  }

  #acknowledge(what: Acknowledgement): void {
    const frame = this.#wire.acknowledge(what);
    if (frame !== undefined) this.#post({ frame, kind: 'other' });
  }

  #post(message: Outgoing): void {
    if (!this.ended && !this.#toGateway.send(message)) this.#lose('carrier');
  }

  #transmit({ frame, kind }: Outgoing): void {
    if (kind === 'opening') this.#opened = true;
    if (frame !== undefined) {
      this.#record.bytesToGateway += frame.length;
      this.#options.transport.send(frame);
    }
    // Over a function call the gateway's goodbye has come by now.
    if (kind !== 'last' || this.ended) return;
    if (this.#wire.awaitsGoodbye === true) this.#after(goodbyeWithinMs, () => this.#goodbyeOverdue());
    else this.#close();
  }

  #goodbyeOverdue(): void {
    this.#violation('no-goodbye', `no answer to the last words within ${goodbyeWithinMs / 1000} s`);
    this.#close();
  }

  #close(): void {
    if (this.ended) return;
    this.#options.transport.close();
    this.#end(this.#stoppedBy ?? 'carrier');
  }

  #arrived(data: Buffer | string, isBinary: boolean): void {
    for (const command of this.#wire.read(data, isBinary)) {
      if (this.ended) return;
      this.#obey(command);
    }
  }

  #obey(command: LineCommand): void {
    switch (command.do) {
      case 'play':
        this.#play(command.audio);
        break;
      case 'mark':
        this.player.mark(command.name);
        break;
      case 'clear':
        this.#speech.cleared(this.#clock.now(), this.player.playing);
        this.player.clear();
        this.#acks.send({ type: 'cleared' });
        break;
      case 'digits':
        this.#record.digitsReceived = (this.#record.digitsReceived + command.digits).slice(0, maxDigits);
        break;
      case 'ready':
        this.#startMedia();
        break;
      case 'answer':
        this.#post({ frame: command.frame, kind: 'other' });
        break;
      case 'hang-up':
        this.stop('gateway');
        break;
      case 'goodbye':
        if (this.#stoppedBy !== undefined) this.#close();
        else this.#violation('goodbye-unasked', 'the answer to last words that were not said');
        break;
      case 'violation':
        this.#violation(command.kind, command.detail);
        if (command.fatal === true) this.#lose('carrier');
        break;
    }
  }

  #play(audio: Buffer): void {
    const soundsAtMs = this.player.play(audio);
    if (soundsAtMs === undefined) this.#violation('buffer-overflow', 'more audio than can be queued');
    if (soundsAtMs === undefined || audio.length === 0) return;
    if (this.#voice?.take(audio, soundsAtMs) === false) return;
    this.#record.firstAudioAtMs ??= soundsAtMs;
    this.#speech.agentAudio(soundsAtMs);
  }

  #agentSound(now: number): AgentSound {
    return (
      this.#voice?.sound(now) ?? {
        playing: this.player.playing,
        startedAtMs: this.#agentStartedAtMs,
        silentAtMs: this.#agentSilentAtMs,
        clearedAtMs: this.#agentClearedAtMs,
      }
    );
  }

  #agentStarted(atMs: number): void {
    this.#agentStartedAtMs = atMs;
    this.#acks.send({ type: 'started' });
  }

  #agentSilent(atMs: number, how: 'played' | 'cleared'): void {
    this.#agentSilentAtMs = atMs;
    if (how === 'cleared') this.#agentClearedAtMs = atMs;
    else this.#acks.send({ type: 'completed' });
  }

  /** Where nothing can be cleared, a barge-in is obeyed when the voice falls silent. */
  #noteSilence(now: number): void {
    const voice = this.#voice;
    const fell = voice === undefined ? this.#ranDry(now) : voice.fellSilent(now);
    if (fell === undefined || !this.#speech.bargingIn) return;
    if (voice === undefined) this.#agentClearedAtMs = fell.atMs;
    else voice.cut();
    this.#speech.cleared(fell.atMs, true);
    const playedMs = voice?.voicedMs ?? this.player.playedMs;
    this.#silences.push({ ...fell, playedMs, droppedMs: 0, marks: [] });
  }

  /** Once for each time that nothing came any more: since when, and how long the agent had sounded by then. */
  #ranDry(now: number): { readonly atMs: number; readonly stretchMs: number } | undefined {
    const atMs = this.#agentSilentAtMs;
    if (this.#wire.runsDry !== true || atMs === undefined || atMs === this.#dryAtMs) return undefined;
    if (this.player.playing || now < atMs + dryAfterMs) return undefined;
    this.#dryAtMs = atMs;
    return { atMs, stretchMs: atMs - (this.#agentStartedAtMs ?? atMs) };
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

  #lose(by: LineEnd): void {
    if (this.ended) return;
    this.#options.transport.destroy();
    this.#end(by);
  }

  #violation(kind: string, detail: string): void {
    this.#record.violationCount += 1;
    const { violations } = this.#record;
    if (violations.length < maxViolations) violations.push({ kind, detail, atMs: this.#clock.now() });
  }

  #end(by: LineEnd): void {
    if (this.ended) return;
    this.#record.endedBy = by;
    this.#record.endedAtMs = this.#clock.now();
    this.#pace?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const path of [this.#toGateway, this.#toCarrier, this.#acks]) path.close();
    this.player.close();
    this.#options.ended?.(this.record);
  }
}

function emptyRecord(startedAtMs: number): Omit<LineRecord, 'speeches' | 'media' | 'marks' | 'clears'> {
  return {
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
    digitsReceived: '',
    violations: [],
    violationCount: 0,
    playedMs: 0,
    underruns: 0,
    underrunMs: 0,
    playbackStalls: 0,
    missedSteps: 0,
  };
}
