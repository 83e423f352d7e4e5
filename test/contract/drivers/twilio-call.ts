import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import twilio from 'twilio';
import { WebSocket } from 'ws';
import { pcmu8k } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import { Ear } from '../ear.ts';
import { publicUrl } from '../stage.ts';
import type { MediaJsonCall } from './media-json.ts';

/** Written from Twilio's "Media Streams - WebSocket Messages", "TwiML <Stream>" and "Webhooks security". */

export const authToken = '0123456789abcdef0123456789abcdef';
const accountSid = `AC${'0'.repeat(32)}`;
const frameBytes = 160;
const frameMs = 20;

export class TwilioCall implements MediaJsonCall {
  readonly carrierCallId: string;
  readonly streamSid = `MZ${randomBytes(16).toString('hex')}`;
  readonly token: string;
  readonly format = pcmu8k;
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly closed: Promise<number>;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #changed: () => void;
  #sequence = 0;
  #chunk = 0;

  constructor(socket: WebSocket, callSid: string, token: string, changed: () => void) {
    this.carrierCallId = callSid;
    this.token = token;
    this.#socket = socket;
    this.#changed = changed;
    // "Clear message": the marks that were queued come back at once.
    const back = (name: string): void => this.message('mark', { mark: { name } });
    this.ear = new Ear(new SystemClock(), frameBytes / frameMs, { played: back, cleared: back, changed });
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

  /** "Connected message" and "Start message"; an empty token is left out. */
  begin(more: { readonly token?: string; readonly callSid?: string } = {}): void {
    this.raw('{"event":"connected","protocol":"Call","version":"1.0.0"}', false);
    this.message('start', { start: this.startOf(more.token ?? this.token, more.callSid) });
  }

  startOf(token = this.token, callSid = this.carrierCallId): object {
    return {
      streamSid: this.streamSid,
      accountSid,
      callSid,
      tracks: ['inbound'],
      customParameters: token === '' ? {} : { token },
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
    };
  }

  /** A message in Twilio's envelope. */
  message(event: string, body: object): void {
    this.#sequence += 1;
    const { streamSid } = this;
    this.raw(JSON.stringify({ event, sequenceNumber: String(this.#sequence), streamSid, ...body }), false);
  }

  send(audio: Buffer): void {
    for (let at = 0; at < audio.length; at += frameBytes) {
      this.media(audio.subarray(at, at + frameBytes));
    }
  }

  /** "Media message": numbers are strings. */
  media(audio: Buffer, fields: object = {}): void {
    const timestamp = String(this.#chunk * frameMs);
    this.#chunk += 1;
    const payload = audio.toString('base64');
    const media = { track: 'inbound', chunk: String(this.#chunk), timestamp, payload, ...fields };
    this.message('media', { media });
  }

  press(digit: string): void {
    this.message('dtmf', { dtmf: { track: 'inbound_track', digit } });
  }

  hangUp(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.message('stop', { stop: { accountSid, callSid: this.carrierCallId } });
    this.#socket.close(1000);
  }

  lose(): void {
    this.#socket.terminate();
  }

  raw(data: string | Buffer, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  /** "WebSocket messages to Twilio": there are three. */
  #received(data: Buffer, binary: boolean): void {
    if (binary) this.violations.push('a binary frame');
    const message = JSON.parse(data.toString()) as Record<string, unknown>;
    if (message.streamSid !== this.streamSid) this.violations.push('a message for another stream');
    const body = message[String(message.event)] as Record<string, unknown> | undefined;
    if (message.event === 'media') this.ear.play(Buffer.from(String(body?.payload), 'base64'));
    else if (message.event === 'mark') this.ear.mark(String(body?.name));
    else if (message.event === 'clear') this.ear.clear();
    else this.violations.push(`event ${String(message.event)}`);
    this.#changed();
  }
}

export type Form = Readonly<Record<string, string>>;

export function formOf(callSid: string): Form {
  return {
    AccountSid: accountSid,
    ApiVersion: '2010-04-01',
    CallSid: callSid,
    CallStatus: 'ringing',
    Direction: 'inbound',
    From: '+15550001111',
    To: '+15550002222',
  };
}

export function signature(url: string, form: Form, token = authToken): string {
  return twilio.getExpectedTwilioSignature(token, url, form);
}

export const webhookUrl = `${publicUrl}/incoming-call`;

export function webhook(gatewayUrl: string, form: Form, header: string | undefined): Promise<Response> {
  return fetch(`${gatewayUrl}/incoming-call`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      ...(header === undefined ? {} : { 'x-twilio-signature': header }),
    },
    body: new URLSearchParams(form).toString(),
  });
}

/** What a genuine webhook is told: where to stream to, and with which token. */
export async function announce(gatewayUrl: string, callSid: string): Promise<{ url: string; token: string }> {
  const form = formOf(callSid);
  const response = await webhook(gatewayUrl, form, signature(webhookUrl, form));
  const twiml = await response.text();
  const url = /<Stream url="([^"]+)"/.exec(twiml)?.[1];
  const token = /<Parameter name="token" value="([^"]+)"/.exec(twiml)?.[1];
  if (url === undefined || token === undefined) throw new Error(`HTTP ${response.status}: ${twiml}`);
  return { url, token };
}

export function connect(gatewayUrl: string, url: string, header: string | undefined): WebSocket {
  const { pathname } = new URL(url);
  return new WebSocket(`${gatewayUrl.replace('http', 'ws')}${pathname}`, {
    headers: header === undefined ? {} : { 'x-twilio-signature': header },
    perMessageDeflate: false,
  });
}

export function newCallSid(): string {
  return `CA${randomBytes(16).toString('hex')}`;
}

export async function call(gatewayUrl: string, changed: () => void, begin: boolean): Promise<TwilioCall> {
  const callSid = newCallSid();
  const { url, token } = await announce(gatewayUrl, callSid);
  const socket = connect(gatewayUrl, url, signature(url, {}));
  await once(socket, 'open');
  const made = new TwilioCall(socket, callSid, token, changed);
  if (begin) made.begin();
  return made;
}
