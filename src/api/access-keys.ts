import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';

export const sessionCookie = 'patchcord_session';

interface Key {
  readonly digest: Buffer;
  readonly signing: Buffer;
}

/** 192 random bits, as 32 characters that are safe in an address. */
export function makeKey(): string {
  return randomBytes(24).toString('base64url');
}

/**
 * The keys that open the gateway, and the sessions of browsers that have shown one. A session is signed with its key:
 * nothing is kept for it here, every process that has the key knows it, and it dies with the key.
 */
export class AccessKeys {
  readonly #clock: Clock;
  readonly #keys: readonly Key[];
  readonly #sessionMs: number;

  constructor(clock: Clock, keys: readonly string[], sessionMs: number) {
    this.#clock = clock;
    this.#sessionMs = sessionMs;
    this.#keys = keys.map((key) => ({
      digest: digestOf(key),
      signing: createHmac('sha256', key).update('patchcord session').digest(),
    }));
  }

  accepts(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** A session for who shows this key: `expiry.random.signature`; undefined for a wrong key. */
  session(key: string): string | undefined {
    const known = this.#find(key);
    if (!known) return undefined;
    const expiresAt = Math.floor((this.#clock.epochMs() + this.#sessionMs) / 1000);
    const body = `${expiresAt}.${randomBytes(16).toString('base64url')}`;
    return `${body}.${signatureOf(known, body).toString('base64url')}`;
  }

  acceptsSession(session: string): boolean {
    const parts = /^((\d{1,12})\.[\w-]{22})\.([\w-]{43})$/.exec(session);
    const [, body = '', expiresAt = '', signature = ''] = parts ?? [];
    if (!parts || Number(expiresAt) * 1000 <= this.#clock.epochMs()) return false;
    const given = Buffer.from(signature, 'base64url');
    let known = false;
    for (const key of this.#keys) known = timingSafeEqual(signatureOf(key, body), given) || known;
    return known;
  }

  /** Compares with every key, in a time that says nothing about any. */
  #find(key: string): Key | undefined {
    const digest = digestOf(key);
    let found: Key | undefined;
    for (const known of this.#keys) if (timingSafeEqual(known.digest, digest)) found = known;
    return found;
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function signatureOf(key: Key, body: string): Buffer {
  return createHmac('sha256', key.signing).update(body).digest();
}
