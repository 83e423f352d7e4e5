import { createHmac, randomBytes } from 'node:crypto';

/**
 * The vector of the AudioHook documentation, "Security": headers, secret and signature as printed there. It is made
 * with its own lines of the signature base and with nothing of the gateway's.
 */
export const vector = {
  target: '/api/v1/voicebiometrics/ws',
  host: 'audiohook.example.com',
  organizationId: 'd7934305-0972-4844-938e-9060eef73d05',
  sessionId: '30b0e395-84d3-4570-ac13-9a62d8f514c0',
  correlationId: 'e160e428-53e2-487c-977d-96989bf5c99d',
  apiKey: 'SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh',
  clientSecret: 'TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=',
  created: 1641013200,
  parameters:
    ';keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430',
  signature: 'NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=',
} as const;

/** A nonce as a client makes it: 24 characters. */
export const freshNonce = (): string => randomBytes(18).toString('base64');

export interface SignedRequest {
  readonly target: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

const covered = [
  '@request-target',
  '@authority',
  'audiohook-organization-id',
  'audiohook-session-id',
  'audiohook-correlation-id',
  'x-api-key',
];

/** The two headers of a signature. `components`: what it covers in place of everything. */
export function sign(
  { target, host, headers }: SignedRequest,
  secret: string,
  parameters: string,
  components: readonly string[] = covered,
): { 'signature-input': string; signature: string } {
  const list = `(${components.map((name) => `"${name}"`).join(' ')})`;
  const values: Record<string, string> = { ...headers, '@request-target': target, '@authority': host };
  const lines = components.map((name) => `"${name}": ${values[name] ?? ''}`);
  const base = [...lines, `"@signature-params": ${list}${parameters}`].join('\n');
  const signature = createHmac('sha256', Buffer.from(secret, 'base64')).update(base).digest('base64');
  return { 'signature-input': `sig1=${list}${parameters}`, signature: `sig1=:${signature}:` };
}
