import { randomBytes, randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Clock, Timeout } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import type { LineRecord, PhoneCallRecord } from '../phone/line-record.ts';
import { type LineSocket, openLineSocket } from '../phone/line-socket.ts';
import type { MediaPlayerOptions } from '../phone/media-player.ts';
import { callerOffer, type MediaOffer, probeId } from './client-envelope.ts';
import { GenesysSession } from './session.ts';
import type { SessionRecord } from './session-record.ts';
import { authorityOf, identityHeaders, signUpgrade } from './signature.ts';
import { GenesysWire, type GenesysWireOptions } from './wire.ts';

export interface FakeGenesysCallOptions
  extends Partial<
    Pick<GenesysWireOptions, 'frameBytes' | 'limits' | 'overLimit' | 'retryAfterMs' | 'completesAfterFlush'>
  > {
  readonly clock: Clock;
  /** Where the gateway listens: `http://127.0.0.1:5050`. */
  readonly gatewayUrl: string;
  /** What Genesys is told that the gateway is called, and what is signed; `gatewayUrl` unless set. */
  readonly publicUrl?: string;
  /** Base URI and Connector ID: the path, and a query if there is one. */
  readonly path?: string;
  readonly apiKey: string;
  /** Base64; without it the upgrade is not signed. */
  readonly clientSecret?: string;
  readonly organizationId?: string;
  readonly conversationId?: string;
  /** ANI: who calls. */
  readonly from?: string;
  readonly callerName?: string;
  /** DNIS: who is called. */
  readonly to?: string;
  readonly language?: string;
  readonly inputVariables?: Readonly<Record<string, string>>;
  readonly media?: readonly MediaOffer[];
  /** The connection probe that Genesys sends when the integration is saved: no call, closed as soon as it is opened. */
  readonly probe?: boolean;
  readonly steps?: readonly CallerStep[];
  readonly background?: 'silence' | 'noise';
  readonly network?: NetworkOptions;
  readonly seed?: number;
  readonly player?: MediaPlayerOptions;
  /** The caller hangs up this long after the session was opened for him; 120 s unless set. */
  readonly maxCallMs?: number;
  /** More headers of the upgrade. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Duplex;
}

export interface GenesysCallRecord extends PhoneCallRecord {
  readonly sessionId: string;
  readonly conversationId: string;
  readonly session: SessionRecord | undefined;
}

const defaultMaxCallMs = 120_000;
const probeLooksEveryMs = 20;
/** Signatures of Genesys are good for this long. */
const signatureLifeS = 10;

/**
 * The whole Genesys side of one call through an Audio Connector, with a real socket: the signed upgrade, the session,
 * the caller. AudioHook, "Security" and "Session". Use once.
 */
export class FakeGenesysCall {
  readonly sessionId = randomUUID();
  readonly conversationId: string;
  readonly organizationId: string;
  readonly #options: FakeGenesysCallOptions;
  readonly #clock: Clock;
  readonly #caller: Caller;
  readonly #startedAtMs: number;
  #failure: string | undefined;
  #socket: LineSocket | undefined;
  #session: GenesysSession | undefined;
  #hungUp = false;
  #limit: Timeout | undefined;

  constructor(options: FakeGenesysCallOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedAtMs = options.clock.now();
    this.#caller = new Caller({ steps: options.steps ?? [], background: options.background ?? 'silence' });
    this.organizationId = options.organizationId ?? randomUUID();
    this.conversationId = options.probe === true ? probeId : (options.conversationId ?? randomUUID());
  }

  /** While there is one; also after its end. */
  get session(): GenesysSession | undefined {
    return this.#session;
  }

  /** Plays the call from the upgrade to the last close. Never rejects: what went wrong is on record. */
  async run(): Promise<GenesysCallRecord> {
    try {
      await this.#connect();
    } catch (error) {
      this.#failure ??= messageOf(error);
    }
    this.#limit?.cancel();
    this.#socket?.destroy();
    const session = this.#session;
    return {
      sessionId: this.sessionId,
      conversationId: this.conversationId,
      failure: this.#failure,
      startedAtMs: this.#startedAtMs,
      answeredAtMs: session?.record.openedAtMs,
      endedAtMs: this.#clock.now(),
      stream: session?.line.record,
      session: session?.record,
    };
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#hungUp = true;
    this.#session?.line.stop('caller');
  }

  async #connect(): Promise<void> {
    const { network, seed = 1, player, maxCallMs = defaultMaxCallMs } = this.#options;
    const clock = this.#clock;
    this.#socket = await this.#openSocket();
    const socket = this.#socket;
    if (this.#hungUp) return;
    this.#limit = clock.setTimeout(() => this.hangUp(), maxCallMs);
    await new Promise<void>((resolve) => {
      const session = new GenesysSession({
        clock,
        transport: socket,
        wire: new GenesysWire(this.#wireOptions()),
        caller: this.#caller,
        network: new NetworkConditions(clock, network, seed),
        ...(player === undefined ? {} : { player }),
        expectedMs: maxCallMs,
        ended: (line) => {
          this.#judge(line, session.record);
          resolve();
        },
      });
      this.#session = session;
      socket.join(session.line);
      session.start();
      if (this.#options.probe === true) this.#endProbe(session);
    });
  }

  #openSocket(): Promise<LineSocket> {
    const { clock, gatewayUrl, publicUrl = gatewayUrl, path = '/audiohook', headers } = this.#options;
    const { apiKey, clientSecret, connect } = this.#options;
    const url = new URL(path, publicUrl.replace(/^http/, 'ws'));
    const identity = {
      requestTarget: url.pathname + url.search,
      authority: authorityOf(url),
      organizationId: this.organizationId,
      sessionId: this.sessionId,
      correlationId: randomUUID(),
      apiKey,
    };
    const created = Math.floor(clock.epochMs() / 1000);
    const parameters = {
      keyId: apiKey,
      nonce: randomBytes(18).toString('base64url'),
      created,
      expires: created + signatureLifeS,
    };
    return openLineSocket({
      clock,
      path: url.pathname,
      address: new URL(url.pathname + url.search, gatewayUrl.replace(/^http/, 'ws')),
      host: url.host,
      headers: {
        'user-agent': 'GenesysCloud-AudioHook-Client',
        ...identityHeaders(identity),
        ...(clientSecret === undefined ? {} : signUpgrade(identity, clientSecret, parameters)),
        ...headers,
      },
      ...(connect === undefined ? {} : { connect }),
    });
  }

  #wireOptions(): GenesysWireOptions {
    const options = this.#options;
    const { frameBytes, limits, overLimit, retryAfterMs, completesAfterFlush, language } = options;
    const probe = options.probe === true;
    return {
      sessionId: this.sessionId,
      now: () => this.#clock.now(),
      open: {
        organizationId: this.organizationId,
        conversationId: this.conversationId,
        participantId: probe ? probeId : randomUUID(),
        ani: probe ? '' : (options.from ?? '+15550001111'),
        aniName: probe ? '' : (options.callerName ?? 'Caller'),
        dnis: probe ? '' : (options.to ?? '+15550002222'),
        media: options.media ?? [callerOffer],
        ...(language === undefined ? {} : { language }),
        ...(options.inputVariables === undefined ? {} : { inputVariables: options.inputVariables }),
      },
      ...(frameBytes === undefined ? {} : { frameBytes }),
      ...(limits === undefined ? {} : { limits }),
      ...(overLimit === undefined ? {} : { overLimit }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(completesAfterFlush === undefined ? {} : { completesAfterFlush }),
    };
  }

  #endProbe(session: GenesysSession): void {
    if (session.line.ended) return;
    if (session.record.openedAtMs !== undefined) session.stop('end');
    else this.#clock.setTimeout(() => this.#endProbe(session), probeLooksEveryMs);
  }

  /** The flow goes on to its failure path, or the session never was. */
  #judge(line: LineRecord, { disconnect, openedAtMs }: SessionRecord): void {
    if (disconnect !== undefined && disconnect.reason !== 'completed') {
      this.#failure ??= `disconnected: ${disconnect.reason} (${disconnect.info ?? 'no info'})`;
    } else if (line.endedBy === 'network') this.#failure ??= 'the media socket was lost';
    else if (openedAtMs === undefined) this.#failure ??= 'the session was never opened';
  }
}
