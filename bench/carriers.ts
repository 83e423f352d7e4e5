import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { CarrierName } from './carrier-names.ts';
import type { CarrierWire } from './carrier-wire.ts';
import { slin8, slin16 } from './codings.ts';
import { connectWebSocket, type RawSocket } from './raw-socket.ts';
import type { SubjectProcess } from './subject-process.ts';
import { bench, unescapeXml } from './subjects.ts';
import type { TelnyxDesk } from './telnyx-desk.ts';
import { AsteriskWire } from './wires/asterisk.ts';
import { AudioSocketWire } from './wires/audiosocket.ts';
import { AvrWire } from './wires/avr.ts';
import { GenesysWire } from './wires/genesys.ts';
import { PlivoWire } from './wires/plivo.ts';
import { TelnyxWire } from './wires/telnyx.ts';
import { TwilioWire } from './wires/twilio.ts';

/** Where a carrier finds the subject. */
export interface Dialling {
  readonly process: SubjectProcess;
  readonly telnyx: TelnyxDesk | undefined;
}

/** A carrier that the generator can play. */
export interface Carrier {
  /** As the table has it. */
  readonly title: string;
  /** The carrier's audio is not the model's. */
  readonly resamples: boolean;
  /** The most that the model may believe wrongly of what was heard, ms. */
  readonly truncationGoalMs: number;
  /** Announces a call as the carrier would and opens its media. */
  connect(dialling: Dialling, callNumber: number): Promise<CarrierWire>;
}

const passing = { resamples: false, truncationGoalMs: 20 };
const resampling = { resamples: true, truncationGoalMs: 20 };

export const carriers: Readonly<Record<CarrierName, Carrier>> = {
  twilio: { ...passing, title: 'Twilio', connect: connectTwilio },
  telnyx: { ...passing, title: 'Telnyx', connect: connectTelnyx },
  plivo: { ...passing, title: 'Plivo', connect: connectPlivo },
  asterisk: { ...passing, title: 'Asterisk WebSocket', connect: connectAsterisk },
  genesys: { ...passing, title: 'Genesys', truncationGoalMs: 60, connect: connectGenesys },
  avr: { ...resampling, title: 'AVR', connect: connectAvr },
  audiosocket: {
    ...resampling,
    title: 'AudioSocket 8 kHz',
    connect: (dialling, number) => connectAudioSocket(dialling, number, slin8),
  },
  'audiosocket-16k': {
    ...resampling,
    title: 'AudioSocket 16 kHz',
    connect: (dialling, number) => connectAudioSocket(dialling, number, slin16),
  },
};

function openSocket(
  { process }: Dialling,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<RawSocket> {
  const { hostname: host, port } = new URL(process.baseUrl);
  return connectWebSocket({ host, port: Number(port), path, headers });
}

async function connectTwilio(dialling: Dialling, number: number): Promise<CarrierWire> {
  const { subject, baseUrl } = dialling.process;
  const { path, headers, customParameters, callSid } = await subject.enter(baseUrl, number);
  const socket = await openSocket(dialling, path, headers);
  return new TwilioWire({ socket, number, callSid, customParameters });
}

async function connectTelnyx(dialling: Dialling, number: number): Promise<CarrierWire> {
  const { telnyx, process } = dialling;
  if (!telnyx) throw new Error('nobody plays Telnyx');
  const callControlId = `v3:bench-${number}`;
  const { url, token } = await telnyx.ring(process.baseUrl, callControlId);
  const { pathname, search } = new URL(url);
  const headers = { 'x-telnyx-streaming-auth-token': token };
  const socket = await openSocket(dialling, pathname + search, headers);
  return new TelnyxWire({ socket, number, callControlId });
}

/** Plivo, "Signature validation", V3. */
function plivoHeaders(signedText: string): Record<string, string> {
  const nonce = randomBytes(12).toString('hex');
  const signature = createHmac('sha256', bench.plivoAuthToken)
    .update(`${signedText}.${nonce}`)
    .digest('base64');
  return { 'x-plivo-signature-v3': signature, 'x-plivo-signature-v3-nonce': nonce };
}

async function connectPlivo(dialling: Dialling, number: number): Promise<CarrierWire> {
  const callUuid = randomUUID();
  const fields: Record<string, string> = {
    CallStatus: 'ringing',
    CallUUID: callUuid,
    Direction: 'inbound',
    Event: 'StartApp',
    From: '15550001111',
    To: '15550002222',
  };
  const path = '/incoming-call';
  const sorted = Object.keys(fields).sort();
  const form = sorted.map((name) => name + fields[name]).join('');
  const response = await fetch(dialling.process.baseUrl + path, {
    method: 'POST',
    headers: plivoHeaders(`https://${bench.publicHost}${path}?${form}`),
    body: new URLSearchParams(fields),
    signal: AbortSignal.timeout(10_000),
  });
  const xml = await response.text();
  const address = /<Stream\b[^>]*>([^<]*)<\/Stream>/.exec(xml)?.[1];
  const token = /\bextraHeaders="token=(\w+)"/.exec(xml)?.[1];
  if (!response.ok || address === undefined || token === undefined)
    throw new Error(`Plivo: the webhook answered ${response.status}: ${xml.slice(0, 200)}`);
  const { pathname, search } = new URL(unescapeXml(address));
  const target = pathname + search;
  const socket = await openSocket(dialling, target, plivoHeaders(`https://${bench.publicHost}${target}`));
  return new PlivoWire({ socket, number, callUuid, streamId: randomUUID(), token });
}

async function connectAsterisk(dialling: Dialling, number: number): Promise<CarrierWire> {
  const { asteriskUsername, asteriskPassword } = bench;
  const credentials = Buffer.from(`${asteriskUsername}:${asteriskPassword}`).toString('base64');
  const headers = { 'Sec-WebSocket-Protocol': 'media', Authorization: `Basic ${credentials}` };
  return new AsteriskWire(await openSocket(dialling, '/asterisk', headers), number);
}

async function connectGenesys(dialling: Dialling, number: number): Promise<CarrierWire> {
  const sessionId = randomUUID();
  const organizationId = randomUUID();
  const headers = {
    'Audiohook-Organization-Id': organizationId,
    'Audiohook-Session-Id': sessionId,
    'Audiohook-Correlation-Id': randomUUID(),
    'X-API-KEY': bench.genesysApiKey,
  };
  const wire = new GenesysWire({
    socket: await openSocket(dialling, '/audiohook/bench', headers),
    number,
    sessionId,
  });
  await wire.open(organizationId);
  return wire;
}

async function connectAvr(dialling: Dialling, number: number): Promise<CarrierWire> {
  return new AvrWire({ socket: await openSocket(dialling, '/', {}), number, uuid: randomUUID() });
}

function connectAudioSocket(
  { process }: Dialling,
  number: number,
  coding: typeof slin8,
): Promise<CarrierWire> {
  const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
  return AudioSocketWire.connect({ port: process.audioSocketPort, number, uuid, coding });
}
