import { createHmac, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { CarrierName } from './carrier-names.ts';

/** How the carrier side reaches a subject's media socket for one call. */
export interface CallEntry {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly customParameters: Readonly<Record<string, string>>;
  readonly callSid: string;
}

/** A program that the bench can put under load. */
export interface Subject {
  readonly name: string;
  /** Arguments for Node. */
  readonly args: readonly string[];
  env(addresses: Addresses): Readonly<Record<string, string>>;
  /** First group: the base URL. Looked for in what it prints. */
  readonly ready: RegExp;
  /** Announces a call as the carrier would and says where its media goes. */
  enter(baseUrl: string, callNumber: number): Promise<CallEntry>;
  /** It answers barge-in with `clear` and `truncate`; the relay does not. */
  readonly bargesIn: boolean;
  /** Whose calls it takes. */
  takes(carrier: CarrierName): boolean;
}

/** Where a subject may listen, and where it finds what it needs. */
export interface Addresses {
  /** Free a moment ago: for those that do not take 0 for any. */
  readonly port: number;
  readonly modelBaseUrl: string;
  /** Undefined: nobody plays Telnyx. */
  readonly telnyx: { readonly apiBaseUrl: string; readonly publicKey: string } | undefined;
}

/** As `npm start` runs the gateway; the relay gets the same. */
const nodeFlags = ['--max-semi-space-size=16', '--no-parallel-scavenge', '--initial-old-space-size=256'];
const ready = /listening on (http:\/\/[\w.:[\]-]+)/;
const root = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const callSidOf = (callNumber: number): string => `CA${String(callNumber).padStart(32, '0')}`;

export const relay: Subject = {
  name: 'relay',
  args: [...nodeFlags, root('bench/relay.ts')],
  env: ({ modelBaseUrl }) => ({ PORT: '0', OPENAI_BASE_URL: modelBaseUrl }),
  ready,
  enter: async (_baseUrl, callNumber) => ({
    path: '/media-stream',
    headers: {},
    customParameters: {},
    callSid: callSidOf(callNumber),
  }),
  bargesIn: false,
  takes: (carrier) => carrier === 'twilio',
};

const accountSid = `AC${'0'.repeat(32)}`;
const authToken = randomBytes(16).toString('hex');

/** What the gateway is told, and the carriers know. */
export const bench = {
  publicHost: 'bench.example.com',
  plivoAuthToken: randomBytes(16).toString('hex'),
  genesysApiKey: randomBytes(16).toString('hex'),
  asteriskUsername: 'asterisk',
  asteriskPassword: randomBytes(16).toString('hex'),
};
const { publicHost } = bench;

/** Twilio's `X-Twilio-Signature`: HMAC-SHA1 over the URL and the sorted form fields. */
function twilioSignature(url: string, fields: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = url + sorted.map(([name, value]) => name + value).join('');
  return createHmac('sha1', authToken).update(text).digest('base64');
}

export function unescapeXml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** Announces a call at Twilio's voice webhook and reads stream address and parameters from the TwiML. */
export async function enterByWebhook(baseUrl: string, callNumber: number): Promise<CallEntry> {
  const callSid = callSidOf(callNumber);
  const fields = {
    AccountSid: accountSid,
    ApiVersion: '2010-04-01',
    CallSid: callSid,
    CallStatus: 'ringing',
    Direction: 'inbound',
    From: '+15550001111',
    To: '+15550002222',
  };
  const response = await fetch(`${baseUrl}/incoming-call`, {
    method: 'POST',
    headers: { 'x-twilio-signature': twilioSignature(`https://${publicHost}/incoming-call`, fields) },
    body: new URLSearchParams(fields),
    signal: AbortSignal.timeout(10_000),
  });
  const twiml = await response.text();
  const streamUrl = /<Stream\b[^>]*\burl="([^"]*)"/.exec(twiml)?.[1];
  if (!response.ok || !streamUrl)
    throw new Error(`the webhook answered ${response.status}: ${twiml.slice(0, 200)}`);
  const customParameters: Record<string, string> = {};
  for (const [tag] of twiml.matchAll(/<Parameter\b[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(tag)?.[1];
    const value = /\bvalue="([^"]*)"/.exec(tag)?.[1];
    if (name !== undefined && value !== undefined) customParameters[unescapeXml(name)] = unescapeXml(value);
  }
  const { pathname } = new URL(unescapeXml(streamUrl), `wss://${publicHost}`);
  const headers = { 'X-Twilio-Signature': twilioSignature(`wss://${publicHost}${pathname}`, {}) };
  return { path: pathname, headers, customParameters, callSid };
}

export const gateway: Subject = {
  name: 'gateway',
  args: [...nodeFlags, root('src/main.ts'), 'serve'],
  env: ({ modelBaseUrl, telnyx }) => ({
    HOST: '127.0.0.1',
    PORT: '0',
    OPENAI_API_KEY: 'bench',
    OPENAI_BASE_URL: modelBaseUrl,
    PUBLIC_URL: `https://${publicHost}`,
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_PHONE_NUMBER: '+15550002222',
    ...(telnyx && {
      TELNYX_API_KEY: 'bench',
      TELNYX_API_BASE_URL: telnyx.apiBaseUrl,
      TELNYX_PUBLIC_KEY: telnyx.publicKey,
    }),
    PLIVO_AUTH_ID: 'MABENCH',
    PLIVO_AUTH_TOKEN: bench.plivoAuthToken,
    GENESYS_API_KEY: bench.genesysApiKey,
    ASTERISK_WS_USERNAME: bench.asteriskUsername,
    ASTERISK_WS_PASSWORD: bench.asteriskPassword,
    AUDIOSOCKET_PORT: '0',
    // The bench looks for the limit of the machine, not of the setting.
    PATCHCORD_MAX_CALLS: '100000',
    // Callers are muted for longer than a phone that works is silent.
    PATCHCORD_MEDIA_LOST_MS: '0',
  }),
  ready,
  enter: enterByWebhook,
  bargesIn: true,
  takes: () => true,
};

/**
 * The subject of that name, or another bridge that speaks both wires: the path of a program for Node that reads
 * `PORT` and `OPENAI_BASE_URL`, prints `listening on http://HOST:PORT` and has the webhook `/incoming-call`.
 */
export function subjectNamed(name: string): Subject {
  if (name === relay.name) return relay;
  if (name === gateway.name) return gateway;
  return {
    ...gateway,
    name,
    args: [...nodeFlags, name],
    env: (addresses) => ({ ...gateway.env(addresses), PORT: String(addresses.port) }),
    takes: relay.takes,
  };
}
