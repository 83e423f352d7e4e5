import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import twilio from 'twilio';
import { WebSocket } from 'ws';
import { pcmu8k } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import type { BadInput, CarrierCall, CarrierDriver, Intruder, Oddity } from '../carrier-driver.ts';
import { Ear } from '../ear.ts';
import { speech } from '../sounds.ts';
import { publicUrl } from '../stage.ts';

/** Written from Twilio's "Media Streams - WebSocket Messages", "TwiML <Stream>" and "Webhooks security". */

const authToken = '0123456789abcdef0123456789abcdef';
const accountSid = `AC${'0'.repeat(32)}`;
const frameBytes = 160;
const frameMs = 20;

class TwilioCall implements CarrierCall {
  readonly carrierCallId: string;
  readonly streamSid = `MZ${randomBytes(16).toString('hex')}`;
  readonly token: string;
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
      this.media({ payload: audio.toString('base64', at, Math.min(audio.length, at + frameBytes)) });
    }
  }

  /** "Media message": numbers are strings. */
  media(fields: object): void {
    const timestamp = String(this.#chunk * frameMs);
    this.#chunk += 1;
    this.message('media', { media: { track: 'inbound', chunk: String(this.#chunk), timestamp, ...fields } });
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

type Form = Readonly<Record<string, string>>;

function formOf(callSid: string): Form {
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

function signature(url: string, form: Form, token = authToken): string {
  return twilio.getExpectedTwilioSignature(token, url, form);
}

const webhookUrl = `${publicUrl}/incoming-call`;

function webhook(gatewayUrl: string, form: Form, header: string | undefined): Promise<Response> {
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
async function announce(gatewayUrl: string, callSid: string): Promise<{ url: string; token: string }> {
  const form = formOf(callSid);
  const response = await webhook(gatewayUrl, form, signature(webhookUrl, form));
  const twiml = await response.text();
  const url = /<Stream url="([^"]+)"/.exec(twiml)?.[1];
  const token = /<Parameter name="token" value="([^"]+)"/.exec(twiml)?.[1];
  if (url === undefined || token === undefined) throw new Error(`HTTP ${response.status}: ${twiml}`);
  return { url, token };
}

function connect(gatewayUrl: string, url: string, header: string | undefined): WebSocket {
  const { pathname } = new URL(url);
  return new WebSocket(`${gatewayUrl.replace('http', 'ws')}${pathname}`, {
    headers: header === undefined ? {} : { 'x-twilio-signature': header },
    perMessageDeflate: false,
  });
}

function newCallSid(): string {
  return `CA${randomBytes(16).toString('hex')}`;
}

async function call(gatewayUrl: string, changed: () => void, begin: boolean): Promise<TwilioCall> {
  const callSid = newCallSid();
  const { url, token } = await announce(gatewayUrl, callSid);
  const socket = connect(gatewayUrl, url, signature(url, {}));
  await once(socket, 'open');
  const made = new TwilioCall(socket, callSid, token, changed);
  if (begin) made.begin();
  return made;
}

const badInput: BadInput<TwilioCall>[] = [
  {
    name: 'text that is not JSON, before anything else',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw('{"event":', false),
  },
  {
    name: 'a binary frame before anything else',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_BINARY',
    closes: 1003,
    send: (it) => it.raw(Buffer.alloc(frameBytes), true),
  },
  {
    name: 'media before start',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.send(Buffer.alloc(frameBytes)),
  },
  {
    name: 'a start without a call',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.message('start', { start: { streamSid: it.streamSid, customParameters: {} } }),
  },
  {
    name: 'a start in another audio format',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: 1003,
    send: (it) => {
      const mediaFormat = { encoding: 'audio/l16', sampleRate: 16_000, channels: 2 };
      it.message('start', { start: { ...it.startOf(), mediaFormat } });
    },
  },
  {
    name: 'text that is not JSON',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.raw('what?', false),
  },
  {
    name: 'JSON that is no message',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      for (const frame of ['[]', 'null', '7', '{"event":5}']) it.raw(frame, false);
    },
  },
  {
    name: 'fields of wrong types',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      it.message('media', { media: 'none' });
      it.message('media', { media: { payload: 12 } });
      it.message('mark', { mark: { name: 3 } });
      it.message('dtmf', { dtmf: { digit: 'twelve' } });
    },
  },
  {
    name: 'audio that is not base64',
    when: 'live',
    code: 'PATCHCORD_AUDIO_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.message('media', { media: { track: 'inbound', payload: '!!not base64!!' } }),
  },
  {
    name: 'one malformed message after the other',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => {
      for (let count = 0; count < 11; count += 1) it.raw('nonsense', false);
    },
  },
  {
    name: 'a binary frame',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_BINARY',
    closes: 1003,
    send: (it) => it.raw(Buffer.alloc(frameBytes), true),
  },
  {
    name: 'a second start',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.begin(),
  },
  {
    name: 'a frame over the limit',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.media({ payload: Buffer.alloc(60_000).toString('base64') }),
  },
  {
    name: 'a text frame that is not UTF-8',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), false),
  },
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => it.send(speech(pcmu8k, 1100 * frameMs)),
  },
];

const oddities: Oddity<TwilioCall>[] = [
  {
    name: 'numbers in place of strings',
    send: (it, audio) => it.media({ payload: audio.toString('base64'), chunk: 1, timestamp: 0 }),
  },
  {
    name: 'media without track, chunk and timestamp',
    send: (it, audio) => it.message('media', { media: { payload: audio.toString('base64') } }),
  },
  {
    name: 'events and fields of tomorrow',
    send: (it, audio) => {
      it.message('weather', { weather: { sky: 'blue' } });
      it.media({ payload: audio.toString('base64'), language: 'en' });
    },
  },
];

/** The close code of a stream that begins as `begin` makes it. */
async function refusedStream(
  gatewayUrl: string,
  changed: () => void,
  begin: (stream: TwilioCall) => void,
): Promise<number> {
  const stream = await call(gatewayUrl, changed, false);
  begin(stream);
  return stream.closed;
}

async function refusedWebhook(gatewayUrl: string, header: string | undefined, form: Form): Promise<number> {
  const response = await webhook(gatewayUrl, form, header);
  await response.text();
  return response.status;
}

/** The status of a refused upgrade. */
async function refusedUpgrade(gatewayUrl: string, header: string | undefined): Promise<number> {
  const { url } = await announce(gatewayUrl, newCallSid());
  const socket = connect(gatewayUrl, url, header);
  socket.on('error', () => socket.terminate());
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  socket.terminate();
  return response.statusCode ?? 0;
}

const mediaUrl = `${publicUrl}/media-stream`;
const form = formOf(newCallSid());

const intruders: Intruder[] = [
  {
    name: 'a webhook without a signature',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 403,
    attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, undefined, form),
  },
  {
    name: 'a webhook signed with another token',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 403,
    attempt: (gatewayUrl) => refusedWebhook(gatewayUrl, signature(webhookUrl, form, 'f'.repeat(32)), form),
  },
  {
    name: 'a webhook whose caller was changed on the way',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 403,
    attempt: (gatewayUrl) =>
      refusedWebhook(gatewayUrl, signature(webhookUrl, form), { ...form, From: '+15559999999' }),
  },
  {
    name: 'a stream without a signature',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: (gatewayUrl) => refusedUpgrade(gatewayUrl, undefined),
  },
  {
    name: 'a stream signed with another token',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: (gatewayUrl) =>
      refusedUpgrade(gatewayUrl, signature(mediaUrl.replace('https', 'wss'), {}, 'f'.repeat(32))),
  },
  {
    name: 'a stream signed for another address',
    code: 'PATCHCORD_SIGNATURE_INVALID',
    turnedAway: 401,
    attempt: (gatewayUrl) =>
      refusedUpgrade(gatewayUrl, signature('wss://elsewhere.example.com/media-stream', {})),
  },
  {
    name: 'a stream without a token',
    code: 'PATCHCORD_STREAM_TOKEN_INVALID',
    turnedAway: 1008,
    attempt: (gatewayUrl, changed) =>
      refusedStream(gatewayUrl, changed, (stream) => stream.begin({ token: '' })),
  },
  {
    name: 'a stream with a made-up token',
    code: 'PATCHCORD_STREAM_TOKEN_INVALID',
    turnedAway: 1008,
    attempt: (gatewayUrl, changed) =>
      refusedStream(gatewayUrl, changed, (stream) => stream.begin({ token: 'A'.repeat(32) })),
  },
  {
    name: 'a stream with the token of a call that has its stream',
    code: 'PATCHCORD_STREAM_TOKEN_INVALID',
    turnedAway: 1008,
    attempt: async (gatewayUrl, changed) => {
      const first = await call(gatewayUrl, changed, true);
      const code = await refusedStream(gatewayUrl, changed, (stream) => {
        stream.begin({ token: first.token, callSid: first.carrierCallId });
      });
      first.hangUp();
      const firstCode = await first.closed;
      if (firstCode !== 1000) throw new Error(`the first stream was closed with ${firstCode}`);
      return code;
    },
  },
  {
    name: 'a stream that names another call than its webhook',
    code: 'PATCHCORD_CALL_MISMATCH',
    turnedAway: 1008,
    attempt: (gatewayUrl, changed) =>
      refusedStream(gatewayUrl, changed, (stream) => stream.begin({ callSid: newCallSid() })),
  },
];

export const twilioDriver: CarrierDriver<TwilioCall> = {
  traits: { format: pcmu8k, digits: true, clears: true, goodbyeCode: 1000 },
  // A call whose stream was turned away is given up after this.
  env: { TWILIO_AUTH_TOKEN: authToken, PATCHCORD_MEDIA_TIMEOUT_MS: '1500' },
  badInput,
  oddities,
  intruders,
  call,
};
