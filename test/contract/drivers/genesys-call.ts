import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { SystemClock } from '../../../src/base/clock.ts';
import {
  ClientEnvelope,
  callerOffer,
  type OpenDetails,
  openParameters,
} from '../../../src/emulators/genesys/client-envelope.ts';
import { knownLimits, ServerLimits } from '../../../src/emulators/genesys/limits.ts';
import { type ServerMessage, ServerReader } from '../../../src/emulators/genesys/server-message.ts';
import {
  authorityOf,
  identityHeaders,
  signUpgrade,
  type UpgradeIdentity,
} from '../../../src/emulators/genesys/signature.ts';
import type { CarrierCall } from '../carrier-driver.ts';
import { Ear } from '../ear.ts';
import { publicUrl } from '../stage.ts';

/** Written from AudioHook, version 2, and what is known of the Audio Connector. */

export const apiKey = 'api-key-of-the-integration';
export const clientSecret = Buffer.from('client secret of the integration').toString('base64');
/** 200 ms, as Genesys sends it. */
export const frameBytes = 1600;
const bytesPerMs = 8;
const maxAudioBytes = 64_000;
/** AudioHook's client waits so long for `opened`. */
const openedWithinMs = 5_000;

export class GenesysCall implements CarrierCall {
  readonly carrierCallId: string;
  readonly sessionId: string;
  readonly organizationId: string;
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly messages: ServerMessage[] = [];
  readonly closed: Promise<number>;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #changed: () => void;
  readonly #envelope: ClientEnvelope;
  readonly #reader: ServerReader;
  readonly #clock = new SystemClock();
  readonly #limits = new ServerLimits(knownLimits);
  #sentBytes = 0;
  #opened = false;
  #closing = false;
  #disconnected = false;

  constructor(socket: WebSocket, identity: UpgradeIdentity, changed: () => void) {
    this.#socket = socket;
    this.#changed = changed;
    this.sessionId = identity.sessionId;
    this.organizationId = identity.organizationId;
    this.carrierCallId = randomUUID();
    this.#envelope = new ClientEnvelope(identity.sessionId);
    this.#reader = new ServerReader(identity.sessionId, [callerOffer]);
    this.ear = new Ear(this.#clock, bytesPerMs, {
      played: () => undefined,
      cleared: () => undefined,
      started: () => this.message('playback_started'),
      completed: () => this.message('playback_completed'),
      changed,
    });
    socket.on('message', (data: Buffer, binary) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.closeCode = code;
        // An orderly close is the client's to make; a refusal has a code of its own.
        if (code === 1000 && !this.#closing) this.violations.push('the server closed first');
        this.ear.close();
        changed();
        resolve(code);
      });
    });
  }

  begin(changes: Partial<OpenDetails> = {}): void {
    this.message('open', this.openOf(changes));
  }

  openOf(changes: Partial<OpenDetails> = {}): object {
    return openParameters({
      organizationId: this.organizationId,
      conversationId: this.carrierCallId,
      participantId: randomUUID(),
      ani: '+15550001111',
      aniName: 'Caller',
      dnis: '+15550002222',
      media: [callerOffer],
      ...changes,
    });
  }

  /** Settles when `opened` has come; rejects when the session ends in its place. */
  async opened(): Promise<void> {
    const opened = this.messages.some(({ type }) => type === 'opened');
    if (opened) return;
    if (this.closeCode !== undefined || this.#disconnected) throw new Error('the session was not opened');
    await new Promise<void>((resolve, reject) => {
      const deadline = this.#clock.setTimeout(
        () => reject(new Error(`no opened within ${openedWithinMs} ms`)),
        openedWithinMs,
      );
      const settle = (): void => {
        deadline.cancel();
        this.#socket.off('message', settle);
        this.#socket.off('close', settle);
        resolve();
      };
      this.#socket.once('message', settle);
      this.#socket.once('close', settle);
    });
    return this.opened();
  }

  /** A message in Genesys's envelope. */
  message(type: string, parameters: object = {}): void {
    this.raw(this.#envelope.message(type, parameters, this.#sentBytes / bytesPerMs), false);
  }

  /** A message whose envelope is not what it should be. */
  forged(type: string, parameters: object, changes: object): void {
    const message = JSON.parse(this.#envelope.message(type, parameters, 0)) as object;
    this.raw(JSON.stringify({ ...message, ...changes }), false);
  }

  /** The next `seq`. */
  get nextSeq(): number {
    return this.#envelope.seq + 1;
  }

  send(audio: Buffer, pieceBytes = frameBytes): void {
    for (let at = 0; at < audio.length; at += pieceBytes) {
      const piece = audio.subarray(at, at + pieceBytes);
      this.#sentBytes += piece.length;
      this.raw(piece, true);
    }
  }

  press(digit: string): void {
    this.message('dtmf', { digit });
  }

  hangUp(): void {
    this.#close('end');
  }

  lose(): void {
    this.#socket.terminate();
  }

  raw(data: string | Buffer, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  /** The client says `close` once and waits for `closed`. */
  #close(reason: 'end' | 'disconnect'): void {
    if (this.#closing) return;
    this.#closing = true;
    this.message('close', { reason });
  }

  #received(data: Buffer, binary: boolean): void {
    const now = this.#clock.now();
    const verdict = binary ? this.#limits.audio(now) : this.#limits.text(now);
    if (verdict !== 'fine') this.violations.push(`too many ${binary ? 'audio' : 'text'} messages`);
    if (binary) this.#play(data);
    else {
      const { message, faults } = this.#reader.read(data, this.#envelope.seq);
      this.#envelope.serverseq = this.#reader.seq;
      this.violations.push(...faults.map(({ kind, detail }) => `${kind}: ${detail}`));
      if (message !== undefined) this.#obey(message);
    }
    this.#changed();
  }

  #play(audio: Buffer): void {
    if (!this.#opened) this.violations.push('audio before opened');
    if (this.#disconnected) this.violations.push('audio after disconnect');
    if (audio.length === 0 || audio.length > maxAudioBytes)
      this.violations.push(`audio of ${audio.length} bytes`);
    this.ear.play(audio);
  }

  #obey(message: ServerMessage): void {
    this.messages.push(message);
    switch (message.type) {
      case 'opened':
        if (this.#opened) this.violations.push('opened twice');
        this.#opened = true;
        return;
      case 'event':
        for (const { type } of message.entities) if (type === 'barge_in') this.ear.clear();
        return;
      case 'disconnect':
        this.#disconnected = true;
        this.#close('disconnect');
        return;
      case 'closed':
        if (!this.#closing) this.violations.push('closed that nobody asked for');
        this.#socket.close(1000);
        return;
      default:
        return;
    }
  }
}

export function newIdentity(changes: Partial<UpgradeIdentity> = {}): UpgradeIdentity {
  return {
    requestTarget: '/audiohook',
    authority: authorityOf(new URL(publicUrl)),
    organizationId: randomUUID(),
    sessionId: randomUUID(),
    correlationId: randomUUID(),
    apiKey,
    ...changes,
  };
}

export function newNonce(): string {
  return randomBytes(18).toString('base64url');
}

export function signed(identity: UpgradeIdentity, secret = clientSecret, ageS = 0): Record<string, string> {
  const created = Math.floor(Date.now() / 1000) - ageS;
  return signUpgrade(identity, secret, {
    keyId: identity.apiKey,
    nonce: newNonce(),
    created,
    expires: created + 10,
  });
}

/** The headers of an upgrade that is in order. */
export function headersOf(identity: UpgradeIdentity): Record<string, string> {
  return { host: identity.authority, ...identityHeaders(identity), ...signed(identity) };
}

export function connect(
  gatewayUrl: string,
  headers: Readonly<Record<string, string>>,
  target = '/audiohook',
): WebSocket {
  return new WebSocket(`${gatewayUrl.replace('http', 'ws')}${target}`, { headers, perMessageDeflate: false });
}

export async function call(gatewayUrl: string, changed: () => void, begin: boolean): Promise<GenesysCall> {
  const identity = newIdentity();
  const socket = connect(gatewayUrl, headersOf(identity));
  const made = new GenesysCall(socket, identity, changed);
  await once(socket, 'open');
  if (begin) {
    made.begin();
    await made.opened();
  }
  return made;
}
