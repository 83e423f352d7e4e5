import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Clock, SystemClock, type Timeout } from '../../base/clock.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { maxAppendBytes } from './append.ts';
import type { Behaviour, CallerTurn } from './behaviours/behaviour.ts';
import { demoBehaviour } from './behaviours/demo.ts';
import { Connection } from './connection.ts';
import { EncodedAudio } from './encoded-audio.ts';
import { type Faults, parseFaults } from './faults.ts';
import { admit, type Refusal, refuse } from './handshake.ts';
import { Ids } from './ids.ts';
import { defaultPace, type Pace } from './pace.ts';
import { Session } from './session.ts';
import type { SessionRecord } from './session-record.ts';

/** A frame holds at most one append: its base64, and some room for the rest of the event. */
const maxFrameBytes = Math.ceil((maxAppendBytes * 4) / 3) + 1024 * 1024;
const closedSessionsKept = 100;

export interface OpenAiEmulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Keys that are let in; any key, and none, when undefined. */
  readonly apiKeys?: readonly string[];
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Default: the demo voice. */
  readonly behaviour?: Behaviour;
  readonly pace?: Partial<Pace>;
  /** Faults of every connection; `faultsFor` and then the query parameter `fault` go over them. */
  readonly faults?: Faults;
  readonly faultsFor?: (request: { readonly number: number; readonly query: URLSearchParams }) => Faults;
  /** Whether `?fault=name=value` counts; default true. */
  readonly faultsByQuery?: boolean;
  /** The words of a caller's turn. There is no speech recogniser: the default tells its length. */
  readonly transcribe?: (turn: CallerTurn) => string;
  readonly onSession?: (session: EmulatedSession) => void;
}

/** One session as a test sees it, while it runs and after. */
export interface EmulatedSession {
  readonly id: string;
  /** Counts connections from 1. */
  readonly number: number;
  readonly model: string;
  readonly record: SessionRecord;
  /** Close code of the socket as the server saw it, once closed. */
  readonly closeCode: number | undefined;
  /** Sets faults over those in force. */
  setFaults(faults: Faults): void;
  sendError(code: string, message?: string): void;
  /** Ends the session as at its maximum age. */
  expire(): void;
  /** Destroys the socket: the client sees 1006. */
  drop(): void;
}

export interface OpenAiEmulator {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  /** `ws://127.0.0.1:PORT/v1/realtime`, without a model. */
  readonly wsUrl: string;
  readonly port: number;
  /** Live sessions and the latest closed ones, oldest first. */
  readonly sessions: readonly EmulatedSession[];
  readonly liveSessions: number;
  /** Handshakes seen, refused ones too. */
  readonly handshakes: number;
  /** Sets faults of the connections to come, over those given at the start. */
  setFaults(faults: Faults): void;
  /** Drops every connection and stops listening. */
  close(): Promise<void>;
}

/** Starts the emulator. Rejects when it can't listen, or the demo voice's phrases can't be read. */
export async function startOpenAiEmulator(options: OpenAiEmulatorOptions = {}): Promise<OpenAiEmulator> {
  const emulator = new Emulator(options);
  await emulator.listen();
  return emulator;
}

class Emulator implements OpenAiEmulator {
  readonly #options: OpenAiEmulatorOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #behaviour: Behaviour;
  readonly #pace: Pace;
  readonly #ids = new Ids();
  readonly #encoded = new EncodedAudio();
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  /** Connections whose handshake is delayed or left hanging. */
  readonly #waiting = new Map<Duplex, Timeout | undefined>();
  readonly #sessions: EmulatedSession[] = [];
  readonly #live = new Set<Session>();
  #faults: Faults;
  #handshakes = 0;

  constructor(options: OpenAiEmulatorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? new SystemClock();
    this.#log = options.log ?? silentLogger;
    this.#behaviour = options.behaviour ?? demoBehaviour();
    this.#pace = { ...defaultPace, ...options.pace };
    this.#faults = options.faults ?? {};
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false),
    });
    this.#http = createServer((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ error: { message: 'This emulator has the WebSocket /v1/realtime only.' } }),
      );
    });
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get port(): number {
    const address = this.#http.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `http://${this.#authority()}/v1`;
  }

  get wsUrl(): string {
    return `ws://${this.#authority()}/v1/realtime`;
  }

  get sessions(): readonly EmulatedSession[] {
    return this.#sessions;
  }

  get liveSessions(): number {
    return this.#live.size;
  }

  get handshakes(): number {
    return this.#handshakes;
  }

  setFaults(faults: Faults): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    return new Promise((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(port, host, () => {
        this.#http.off('error', reject);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    for (const [socket, timer] of this.#waiting) {
      timer?.cancel();
      socket.destroy();
    }
    this.#waiting.clear();
    for (const session of this.#live) session.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    return new Promise((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  #authority(): string {
    const { host = '127.0.0.1' } = this.#options;
    return `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const number = ++this.#handshakes;
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'a connection failed'));
    let url: URL;
    let faults: Faults;
    try {
      url = new URL(request.url ?? '/', 'http://emulator');
      faults = this.#faultsOf(number, url.searchParams);
    } catch (thrown) {
      const code = thrown instanceof PatchcordError ? thrown.code : null;
      refuse(socket, { status: 400, code, message: messageOf(thrown) });
      return;
    }
    if (faults.handshakeHang === true) {
      this.#hold(socket, undefined);
      return;
    }
    const proceed = () => this.#answer(request, url, socket, head, number, faults);
    if (faults.handshakeDelayMs === undefined) {
      proceed();
      return;
    }
    const timer = this.#clock.setTimeout(() => {
      this.#waiting.delete(socket);
      if (!socket.destroyed) proceed();
    }, faults.handshakeDelayMs);
    this.#hold(socket, timer);
  }

  #hold(socket: Duplex, timer: Timeout | undefined): void {
    this.#waiting.set(socket, timer);
    socket.resume();
    socket.once('close', () => {
      timer?.cancel();
      this.#waiting.delete(socket);
    });
  }

  #faultsOf(number: number, query: URLSearchParams): Faults {
    const { faultsFor, faultsByQuery = true } = this.#options;
    const byQuery = faultsByQuery ? parseFaults(query.getAll('fault')) : {};
    return { ...this.#faults, ...faultsFor?.({ number, query }), ...byQuery };
  }

  #answer(
    request: IncomingMessage,
    url: URL,
    socket: Duplex,
    head: Buffer,
    number: number,
    faults: Faults,
  ): void {
    const admission = admit(request, url, this.#options.apiKeys, faults);
    if ('status' in admission) {
      refuse(socket, admission satisfies Refusal);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      if (admission.isBeta) refuseBeta(accepted, this.#ids);
      else this.#open(accepted, number, admission.model, admission.type, faults);
    });
  }

  #open(
    socket: WebSocket,
    number: number,
    model: string,
    type: 'realtime' | 'transcription',
    given: Faults,
  ): void {
    let faults = given;
    let closeCode: number | undefined;
    const log = this.#log.child({ emulatedSession: number });
    const connection = new Connection({
      socket,
      clock: this.#clock,
      log,
      ids: this.#ids,
      faults: () => faults,
      onText: (text) => session.receive(text),
      onBinary: () => session.receiveBinary(),
      onClosed: (code) => {
        closeCode = code;
        session.close();
        this.#live.delete(session);
        this.#forgetOldest();
      },
    });
    const session = new Session({
      clock: this.#clock,
      log,
      ids: this.#ids,
      encoded: this.#encoded,
      behaviour: this.#behaviour,
      pace: this.#pace,
      model,
      type,
      transport: connection,
      faults: () => faults,
      transcribe: this.#options.transcribe ?? lengthOf,
    });
    const view: EmulatedSession = {
      id: session.id,
      number,
      model,
      record: session.record,
      get closeCode() {
        return closeCode;
      },
      setFaults: (more) => {
        faults = { ...faults, ...more };
      },
      sendError: (code, message) => session.sendError(code, message),
      expire: () => session.expire(),
      drop: () => connection.drop(),
    };
    this.#live.add(session);
    this.#sessions.push(view);
    session.open();
    this.#options.onSession?.(view);
  }

  #forgetOldest(): void {
    const closed = this.#sessions.filter((session) => session.closeCode !== undefined);
    const oldest = closed.length > closedSessionsKept ? closed[0] : undefined;
    if (oldest !== undefined) this.#sessions.splice(this.#sessions.indexOf(oldest), 1);
  }
}

/** The beta API is gone: the socket opens, says so, and closes. */
function refuseBeta(socket: WebSocket, ids: Ids): void {
  const error = {
    type: 'invalid_request_error',
    code: 'beta_api_shape_disabled',
    message: 'The Realtime API beta is no longer supported. Please use the generally available API.',
    param: null,
    event_id: null,
  };
  socket.send(JSON.stringify({ event_id: ids.next('event'), type: 'error', error }));
  socket.close(4000, 'beta_api_shape_disabled');
}

function lengthOf(turn: CallerTurn): string {
  return `(${(turn.voiceEndMs / 1000).toFixed(1)} s of speech)`;
}
