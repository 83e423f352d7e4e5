import { createHmac, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type AudioFormat, bytesPerMs } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import { readPlivoXml } from '../../../src/emulators/plivo/plivo-xml.ts';
import { signV3 } from '../../../src/emulators/plivo/signature.ts';
import { Ear } from '../ear.ts';
import { publicUrl } from '../stage.ts';
import type { MediaJsonCall } from './media-json.ts';

/** Written from Plivo's "Stream event protocol", "The Stream element" and "Signature validation". */

export const authToken = 'plivo-token-of-the-test';
const frameMs = 20;
const accountId = 'MA000000000000000000';

/** How one kind of stream differs from another. */
export interface PlivoStyle {
  readonly format: AudioFormat;
  /** As the XML has it and as it comes back in `start`. */
  readonly encoding: 'audio/x-mulaw' | 'audio/x-l16';
  /** What Plivo makes of `extraHeaders`: pairs in a row, JSON, or nothing; the pages and the packages do not agree. */
  readonly extraHeaders: 'pairs' | 'json' | 'lost';
  /** The address that the upgrade's signature covers. */
  readonly signs: 'https' | 'http' | 'wss' | 'http-websocket';
}

/** What a genuine webhook is told. */
export interface Announced {
  readonly url: string;
  readonly extraHeaders: string;
}

export class PlivoCall implements MediaJsonCall {
  readonly carrierCallId: string;
  readonly streamId = randomUUID();
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly closed: Promise<number>;
  readonly style: PlivoStyle;
  readonly announced: Announced;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #changed: () => void;
  readonly #startedAt = Date.now();
  #sequence = 0;
  #chunk = 0;
  #sentMs = 0;

  constructor(
    socket: WebSocket,
    callUuid: string,
    announced: Announced,
    style: PlivoStyle,
    changed: () => void,
  ) {
    this.carrierCallId = callUuid;
    this.announced = announced;
    this.style = style;
    this.#socket = socket;
    this.#changed = changed;
    this.ear = new Ear(new SystemClock(), bytesPerMs(style.format), {
      played: (name) => this.message('playedStream', { name }),
      // "checkpoint": reported only if it was played.
      cleared: () => undefined,
      changed,
    });
    socket.on('message', (data: Buffer, binary) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.closeCode = code;
        this.ear.close();
        changed();
        resolve(code);
      });
    });
  }

  get format(): AudioFormat {
    return this.style.format;
  }

  get frameBytes(): number {
    return frameMs * bytesPerMs(this.format);
  }

  /** The first message is `start`: there is no `connected`. */
  begin(more: { readonly callId?: string; readonly extraHeaders?: string } = {}): void {
    this.#sequence += 1;
    const start = this.startOf(more.callId);
    const extra = this.#extraHeaders(more.extraHeaders);
    this.raw(JSON.stringify({ sequenceNumber: this.#sequence, event: 'start', start, ...extra }), false);
  }

  startOf(callId = this.carrierCallId): object {
    const { encoding, format } = this.style;
    const mediaFormat = { encoding, sampleRate: format.sampleRate };
    return { callId, streamId: this.streamId, accountId, tracks: ['inbound'], mediaFormat };
  }

  /** A message in Plivo's envelope: numbers are numbers. */
  message(event: string, body: object): void {
    this.#sequence += 1;
    const { streamId } = this;
    this.raw(JSON.stringify({ sequenceNumber: this.#sequence, streamId, event, ...body }), false);
  }

  send(audio: Buffer): void {
    for (let at = 0; at < audio.length; at += this.frameBytes) {
      this.media(audio.subarray(at, at + this.frameBytes));
    }
  }

  media(audio: Buffer, fields: object = {}): void {
    const timestamp = String(this.#startedAt + Math.round(this.#sentMs));
    this.#chunk += 1;
    this.#sentMs += audio.length / bytesPerMs(this.style.format);
    const payload = audio.toString('base64');
    const media = { track: 'inbound', timestamp, chunk: this.#chunk, payload, ...fields };
    this.message('media', { media, ...this.#extraHeaders() });
  }

  press(digit: string): void {
    const dtmf = { track: 'inbound', digit, timestamp: String(Date.now()) };
    this.message('dtmf', { dtmf, ...this.#extraHeaders() });
  }

  /** "There is no stop": the socket closes. */
  hangUp(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
  }

  lose(): void {
    this.#socket.terminate();
  }

  raw(data: string | Buffer, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  #extraHeaders(given = this.announced.extraHeaders): object {
    const pairs = given === '' ? [] : given.split(',');
    switch (this.style.extraHeaders) {
      case 'pairs':
        return { extra_headers: pairs.join(';') };
      case 'json':
        return { extra_headers: JSON.stringify(Object.fromEntries(pairs.map((pair) => pair.split('=')))) };
      case 'lost':
        return {};
    }
  }

  /** "Events to Plivo": there are four. */
  #received(data: Buffer, binary: boolean): void {
    if (binary) this.violations.push('a binary frame');
    const message = JSON.parse(data.toString()) as Record<string, unknown>;
    if (message.event === 'playAudio') this.#play(message.media as Record<string, unknown>);
    else {
      if (message.streamId !== this.streamId)
        this.violations.push(`${String(message.event)} for another stream`);
      this.#obey(message);
    }
    this.#changed();
  }

  #obey(message: Readonly<Record<string, unknown>>): void {
    if (message.event === 'checkpoint') this.ear.mark(String(message.name));
    else if (message.event === 'clearAudio') {
      this.ear.clear();
      this.message('clearedAudio', {});
    } else this.violations.push(`event ${String(message.event)}`);
  }

  /** "playAudio": raw audio, the content type without its rate. */
  #play({ contentType, sampleRate, payload }: Readonly<Record<string, unknown>>): void {
    const { encoding, format } = this.style;
    if (contentType !== encoding || sampleRate !== format.sampleRate) {
      this.violations.push(`audio as ${String(contentType)} at ${String(sampleRate)}`);
    }
    this.ear.play(Buffer.from(String(payload), 'base64'));
  }
}

export type Form = Readonly<Record<string, string>>;

export function formOf(callUuid: string): Form {
  return {
    CallUUID: callUuid,
    From: '15550001111',
    To: '15550002222',
    Direction: 'inbound',
    CallStatus: 'ringing',
    Event: 'StartApp',
  };
}

/** The headers of a request that Plivo makes to `url`. */
export function signed(url: string, form: Form = {}, token = authToken): Record<string, string> {
  const nonce = Array.from({ length: 20 }, () => randomInt(10)).join('');
  return {
    'x-plivo-signature-v3': signV3(token, url, nonce, form),
    'x-plivo-signature-v3-nonce': nonce,
  };
}

/** Another algorithm, as the messaging API has it: never valid for calls. */
export function signedV2(url: string): Record<string, string> {
  const nonce = String(randomInt(1e9));
  const signature = createHmac('sha256', authToken)
    .update(url + nonce)
    .digest('base64');
  return { 'x-plivo-signature-v2': signature, 'x-plivo-signature-v2-nonce': nonce };
}

export const webhookUrl = `${publicUrl}/incoming-call`;

export function webhook(gatewayUrl: string, form: Form, headers: Record<string, string>): Promise<Response> {
  return fetch(`${gatewayUrl}/incoming-call`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
}

export async function announce(gatewayUrl: string, callUuid: string, style: PlivoStyle): Promise<Announced> {
  const form = formOf(callUuid);
  const response = await webhook(gatewayUrl, form, signed(webhookUrl, form));
  const xml = await response.text();
  const stream = readPlivoXml(xml).find(({ verb }) => verb === 'stream');
  if (stream?.verb !== 'stream') throw new Error(`HTTP ${response.status}: ${xml}`);
  const { url, extraHeaders, bidirectional, keepCallAlive, format } = stream;
  if (!bidirectional || !keepCallAlive) throw new Error(`no conversation is possible on ${xml}`);
  if (format.sampleRate !== style.format.sampleRate || format.encoding !== style.format.encoding) {
    throw new Error(`another format: ${xml}`);
  }
  return { url, extraHeaders };
}

/** The address that the signature of an upgrade covers. */
export function signedAddress(url: string, signs: PlivoStyle['signs']): string {
  const { host, pathname, search } = new URL(url);
  const [scheme, suffix] = signs === 'http-websocket' ? ['http', '/websocket'] : [signs, ''];
  return `${scheme}://${host}${pathname}${suffix}${search}`;
}

export function connect(gatewayUrl: string, url: string, headers: Record<string, string>): WebSocket {
  const { pathname, search } = new URL(url);
  const address = `${gatewayUrl.replace('http', 'ws')}${pathname}${search}`;
  return new WebSocket(address, { headers, perMessageDeflate: false });
}

export async function call(
  style: PlivoStyle,
  gatewayUrl: string,
  changed: () => void,
  begin: boolean,
): Promise<PlivoCall> {
  const callUuid = randomUUID();
  const announced = await announce(gatewayUrl, callUuid, style);
  return stream(style, gatewayUrl, callUuid, announced, changed, begin);
}

/** A media socket for a call that was announced. */
export async function stream(
  style: PlivoStyle,
  gatewayUrl: string,
  callUuid: string,
  announced: Announced,
  changed: () => void,
  begin: boolean,
): Promise<PlivoCall> {
  const headers = signed(signedAddress(announced.url, style.signs));
  const socket = connect(gatewayUrl, announced.url, headers);
  await once(socket, 'open');
  const made = new PlivoCall(socket, callUuid, announced, style, changed);
  if (begin) made.begin();
  return made;
}
