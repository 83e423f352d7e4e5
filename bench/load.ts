import { setTimeout as sleep } from 'node:timers/promises';
import { Agenda, Metronome } from './agenda.ts';
import { CarrierCall } from './carrier-call.ts';
import type { CarrierName } from './carrier-names.ts';
import { carriers } from './carriers.ts';
import { type Conversation, typicalConversation } from './conversation.ts';
import { FrameGrid } from './frame-grid.ts';
import { Meter } from './meter.ts';
import { ModelSession } from './model-session.ts';
import { RawWebSocketServer } from './raw-socket.ts';
import { SubjectProcess } from './subject-process.ts';
import type { Subject } from './subjects.ts';
import { Switchboard } from './switchboard.ts';
import { TelnyxDesk } from './telnyx-desk.ts';

const connectAtOnce = 20;
/** What takes longer than this to arrive counts as lost at the end of a run. */
const arriveMs = 5_000;

/** A model that hears nothing within this of its caller was not reached. */
const reachModelMs = 10_000;

/** What was observed while a window was open, per subject and load. */
export interface Window {
  readonly calls: number;
  readonly seconds: number;
  /** CPU time of the subject per call and second, ms. */
  readonly cpuMsPerCallSecond: number;
  /** Share of its core that the generator used, 0 to 1. */
  readonly generatorLoad: number;
}

/** A subject under load: carriers on one side of it, model servers on the other, all in this process. */
export class Load {
  readonly meter = new Meter();
  readonly process: SubjectProcess;
  readonly #board: Switchboard<CarrierCall>;
  readonly #metronome: Metronome;
  readonly #server: RawWebSocketServer;
  readonly #telnyx: TelnyxDesk | undefined;
  readonly #calls: Array<{ call: CarrierCall; stop: () => void }> = [];

  private constructor(options: {
    board: Switchboard<CarrierCall>;
    metronome: Metronome;
    server: RawWebSocketServer;
    telnyx: TelnyxDesk | undefined;
    process: SubjectProcess;
  }) {
    this.#board = options.board;
    this.#metronome = options.metronome;
    this.#server = options.server;
    this.#telnyx = options.telnyx;
    this.process = options.process;
    this.meter = options.board.meter;
  }

  static async start(
    subject: Subject,
    options: { core: number | undefined; inspect?: boolean },
  ): Promise<Load> {
    const agenda = new Agenda();
    const meter = new Meter();
    const board = new Switchboard<CarrierCall>(agenda, meter);
    const server = await RawWebSocketServer.start((socket, { path, headers }) => {
      if (!path.startsWith('/v1/realtime')) meter.violations.add(`model asked for at ${path}`);
      if (!headers.get('authorization')?.startsWith('Bearer ')) meter.violations.add('no key for the model');
      if (headers.has('openai-beta')) meter.violations.add('the beta header was sent');
      new ModelSession(board, socket);
    });
    const metronome = new Metronome(agenda, (lateMs) => meter.tick(lateMs));
    const telnyx = subject.takes('telnyx') ? await TelnyxDesk.start() : undefined;
    try {
      const process = await SubjectProcess.start(subject, { ...options, modelPort: server.port, telnyx });
      metronome.start();
      return new Load({ board, metronome, server, telnyx, process });
    } catch (error) {
      server.close();
      telnyx?.close();
      throw error;
    }
  }

  get calls(): number {
    return this.#calls.length;
  }

  /** Puts `count` more calls on, some at a time; settles when their models hear them. */
  async add(
    count: number,
    conversation: Conversation = typicalConversation,
    carrier: CarrierName = 'twilio',
  ): Promise<void> {
    for (let done = 0; done < count; done += connectAtOnce) {
      const batch = Math.min(connectAtOnce, count - done);
      const calls = Array.from({ length: batch }, () => this.#connect(conversation, carrier));
      const dialled = await Promise.all(calls);
      this.#calls.push(...dialled);
      await heard(dialled.map(({ call }) => call));
    }
  }

  /** Hangs up until `count` calls are left, the newest first. */
  shrinkTo(count: number): void {
    for (const { call, stop } of this.#calls.splice(count)) {
      stop();
      call.hangUp();
    }
  }

  /** One call of its own length, for churn. */
  async shortCall(conversation: Conversation, lengthMs: number): Promise<void> {
    const { call, stop } = await this.#connect(conversation, 'twilio');
    await sleep(lengthMs);
    stop();
    call.hangUp();
  }

  /** Observes for `seconds`. */
  async observe(seconds: number): Promise<Window> {
    const { meter, process: subject } = this;
    meter.openWindow();
    const cpuBefore = subject.cpuMs();
    const ownBefore = process.cpuUsage();
    const startMs = performance.now();
    await sleep(seconds * 1000);
    const lastedMs = performance.now() - startMs;
    const cpuMs = subject.cpuMs() - cpuBefore;
    const own = process.cpuUsage(ownBefore);
    meter.closeWindow();
    return {
      calls: this.calls,
      seconds: lastedMs / 1000,
      cpuMsPerCallSecond: cpuMs / this.calls / (lastedMs / 1000),
      generatorLoad: (own.user + own.system) / 1000 / lastedMs,
    };
  }

  /** The callers' phones send nothing from now on, as on hold. */
  muteCallers(): void {
    for (const { stop } of this.#calls) stop();
  }

  /** Notes from now on when the frames of each call come. */
  watchFrames(): FrameGrid[] {
    return this.#calls.map(({ call }) => {
      call.grid = new FrameGrid();
      return call.grid;
    });
  }

  unwatchFrames(): void {
    for (const { call } of this.#calls) call.grid = undefined;
  }

  /** Lets what is under way arrive, counts what did not, hangs everything up and ends the subject. */
  async stop(): Promise<void> {
    this.muteCallers();
    for (const startMs = performance.now(); performance.now() - startMs < arriveMs; ) {
      await sleep(200);
      if (this.#missing() === 0) break;
    }
    this.meter.framesLost += this.#missing();
    this.shrinkTo(0);
    await sleep(200);
    this.#metronome.stop();
    await this.process.stop();
    this.#server.close();
    this.#telnyx?.close();
  }

  /** Frames of live calls that have left and not arrived. */
  #missing(): number {
    let missing = 0;
    for (const { call } of this.#calls) if (!call.ended) missing += call.framesSent - call.nextArrival;
    return missing;
  }

  async #connect(
    conversation: Conversation,
    carrier: CarrierName,
  ): Promise<{ call: CarrierCall; stop: () => void }> {
    const board = this.#board;
    const number = board.callNumber();
    const wire = await carriers[carrier].connect({ process: this.process, telnyx: this.#telnyx }, number);
    let stop = (): void => undefined;
    const call = new CarrierCall({ board, wire, number, conversation, onLost: () => stop() });
    call.start();
    stop = this.#metronome.add(Math.random() * 20, (nowMs) => call.beat(nowMs));
    return { call, stop };
  }
}

/** Settles when the models of all these calls hear their callers: no more calls are set up at a time than that takes. */
async function heard(calls: readonly CarrierCall[]): Promise<void> {
  const startMs = performance.now();
  while (calls.some((call) => !call.ended && call.nextArrival === 0)) {
    if (performance.now() - startMs > reachModelMs) return;
    await sleep(5);
  }
}
