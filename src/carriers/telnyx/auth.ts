import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { PatchcordError } from '../../base/errors.ts';
import type { WebhookRequest } from '../carrier.ts';
import { headerOf } from '../webhooks.ts';

/** An event that was signed longer ago, or later, than this is refused. Documentation: "Webhook Fundamentals". */
const toleranceMs = 300_000;
const keyBytes = 32;
const signatureBytes = 64;

/** The account's public key as Telnyx shows it: 32 bytes in base64. Undefined: it is none. */
export function readPublicKey(base64: string): KeyObject | undefined {
  const raw = Buffer.from(base64, 'base64');
  if (raw.length !== keyBytes) return undefined;
  try {
    // RFC 8037, section 2.
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') };
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    // No point of the curve: no signature could match it.
    return undefined;
  }
}

export interface AuthSettings {
  readonly publicKey: KeyObject | undefined;
  /** True: signatures are not checked. */
  readonly allowUnsigned: boolean;
}

/**
 * The reason to refuse a webhook; undefined when it is genuine. Documentation, "Webhook Fundamentals": Ed25519 over
 * `telnyx-timestamp` (Unix seconds), a bar and the body as it came. The address is not signed.
 */
export function refuseWebhook(
  request: Pick<WebhookRequest, 'headers' | 'rawBody'>,
  { publicKey, allowUnsigned }: AuthSettings,
  nowEpochMs: number,
): PatchcordError | undefined {
  if (allowUnsigned) return undefined;
  if (publicKey === undefined) {
    const setting = 'TELNYX_PUBLIC_KEY';
    return refusal(`${setting} is not set or no key, so Telnyx's signatures cannot be checked`, { setting });
  }
  const timestamp = headerOf(request.headers, 'telnyx-timestamp');
  const signature = headerOf(request.headers, 'telnyx-signature-ed25519');
  if (timestamp === '' || signature === '')
    return refusal('telnyx-signature-ed25519 or telnyx-timestamp is missing');
  if (!/^\d{1,12}$/.test(timestamp)) return refusal('telnyx-timestamp is not a time');
  const ageMs = nowEpochMs - Number(timestamp) * 1000;
  const signed = Buffer.concat([Buffer.from(`${timestamp}|`), request.rawBody]);
  const raw = Buffer.from(signature, 'base64');
  if (raw.length !== signatureBytes || !verify(null, signed, publicKey, raw)) {
    return refusal('telnyx-signature-ed25519 does not match; compare TELNYX_PUBLIC_KEY with the account');
  }
  if (Math.abs(ageMs) > toleranceMs) {
    return refusal(
      'the event was signed too long ago, or the clocks of this machine and of Telnyx differ too much',
      { ageSeconds: Math.round(ageMs / 1000) },
    );
  }
  return undefined;
}

function refusal(what: string, details: Record<string, unknown> = {}): PatchcordError {
  return new PatchcordError('PATCHCORD_SIGNATURE_INVALID', what, details);
}
