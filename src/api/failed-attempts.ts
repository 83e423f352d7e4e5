import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.ts';

export interface AttemptLimits {
  /** Wrong keys that one peer may show within the window. */
  readonly perWindow: number;
  readonly windowMs: number;
  /** Peers remembered; beyond it the one that failed longest ago is forgotten. */
  readonly peers: number;
}

interface Failures {
  count: number;
  since: number;
}

/** Counts wrong keys per peer, so that keys can't be guessed by trying. */
export class FailedAttempts {
  readonly #clock: Clock;
  readonly #limits: AttemptLimits;
  readonly #byPeer = new Map<string, Failures>();

  constructor(clock: Clock, limits: AttemptLimits = { perWindow: 20, windowMs: 60_000, peers: 10_000 }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#byPeer.size;
  }

  /** Milliseconds until the peer may try again; 0: now. */
  waitMs(peerAddress: string | undefined): number {
    const failures = this.#byPeer.get(networkOf(peerAddress));
    if (!failures || failures.count < this.#limits.perWindow) return 0;
    return Math.max(0, failures.since + this.#limits.windowMs - this.#clock.now());
  }

  failed(peerAddress: string | undefined): void {
    const peer = networkOf(peerAddress);
    const now = this.#clock.now();
    const known = this.#byPeer.get(peer);
    const current = known && now - known.since < this.#limits.windowMs ? known : { count: 0, since: now };
    current.count += 1;
    this.#byPeer.delete(peer);
    this.#byPeer.set(peer, current);
    const [oldest] = this.#byPeer.keys();
    if (this.#byPeer.size > this.#limits.peers && oldest !== undefined) this.#byPeer.delete(oldest);
  }
}

/** Who is counted as one: an IPv4 address, or the /64 network that one IPv6 customer is given. */
function networkOf(address: string | undefined): string {
  if (address === undefined) return '';
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('%')[0]?.split('::') ?? [];
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
