import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** What stands before the 32 bytes of a raw Ed25519 private key in PKCS #8 (RFC 8410, section 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const rawKeyBytes = 32;

/**
 * A Telnyx account's signing key. Telnyx, "Receiving webhooks", section "Webhook signing": Ed25519 over
 * `{timestamp}|{raw body}`; the header `telnyx-signature-ed25519` is base64, `telnyx-timestamp` is in seconds.
 */
export class TelnyxKeys {
  /** What the gateway is given as `TELNYX_PUBLIC_KEY`: base64 of the raw 32 bytes. */
  readonly publicKey: string;
  readonly #privateKey: KeyObject;

  /** `seed`: the raw private key, 32 bytes. Throws for any other length. */
  constructor(seed: Uint8Array) {
    if (seed.length !== rawKeyBytes) throw new RangeError('an Ed25519 private key is 32 bytes');
    const der = Buffer.concat([pkcs8Prefix, seed]);
    this.#privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' });
    this.publicKey = spki.subarray(spki.length - rawKeyBytes).toString('base64');
  }

  /** The headers of a webhook that is sent at `epochMs`. */
  headers(body: string, epochMs: number): { 'telnyx-signature-ed25519': string; 'telnyx-timestamp': string } {
    const timestamp = String(Math.floor(epochMs / 1000));
    const signature = sign(null, Buffer.from(`${timestamp}|${body}`), this.#privateKey);
    return { 'telnyx-signature-ed25519': signature.toString('base64'), 'telnyx-timestamp': timestamp };
  }
}
