import { createHmac } from 'node:crypto';

/** What an upgrade says of itself; all of it is covered by the signature. */
export interface UpgradeIdentity {
  /** Path and query exactly as in the request line. */
  readonly requestTarget: string;
  /** `Host` as sent, without the default port. */
  readonly authority: string;
  readonly organizationId: string;
  readonly sessionId: string;
  readonly correlationId: string;
  readonly apiKey: string;
}

export interface SignatureParameters {
  readonly keyId: string;
  /** 22 characters at least. */
  readonly nonce: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly expires: number;
}

/** The headers of the upgrade that `Signature-Input` names, in lower case. */
export function identityHeaders(identity: UpgradeIdentity): Record<string, string> {
  return {
    'audiohook-organization-id': identity.organizationId,
    'audiohook-session-id': identity.sessionId,
    'audiohook-correlation-id': identity.correlationId,
    'x-api-key': identity.apiKey,
  };
}

/**
 * `Signature-Input` and `Signature` of an upgrade, as Genesys makes them. AudioHook, "Security", on HTTP Message
 * Signatures (draft 11): a line for each covered component, then the parameters, under HMAC-SHA256 with the client
 * secret, which is given in base64.
 */
export function signUpgrade(
  identity: UpgradeIdentity,
  clientSecret: string,
  parameters: SignatureParameters,
  label = 'sig1',
): { 'signature-input': string; signature: string } {
  const components: readonly (readonly [string, string])[] = [
    ['@request-target', identity.requestTarget],
    ['@authority', identity.authority],
    ...Object.entries(identityHeaders(identity)),
  ];
  return signComponents(components, clientSecret, parameters, label);
}

/** A signature over components of one's own choice: for signatures that cover too little. */
export function signComponents(
  components: readonly (readonly [name: string, value: string])[],
  clientSecret: string,
  { keyId, nonce, created, expires }: SignatureParameters,
  label = 'sig1',
): { 'signature-input': string; signature: string } {
  const covered = components.map(([name]) => `"${name}"`).join(' ');
  const input =
    `(${covered});keyid="${keyId}";nonce="${nonce}";alg="hmac-sha256"` +
    `;created=${created};expires=${expires}`;
  const base = [
    ...components.map(([name, value]) => `"${name}": ${value}`),
    `"@signature-params": ${input}`,
  ].join('\n');
  const digest = createHmac('sha256', Buffer.from(clientSecret, 'base64'))
    .update(base, 'utf8')
    .digest('base64');
  return { 'signature-input': `${label}=${input}`, signature: `${label}=:${digest}:` };
}

/** `Host` as it is signed: in lower case, the port only where it is not the scheme's own. */
export function authorityOf(url: URL): string {
  return url.host.toLowerCase();
}
