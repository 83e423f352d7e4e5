import type { Clock } from '../base/clock.ts';
import type { Party } from '../call/party.ts';
import type { Announcement } from './carrier.ts';
import { ExpiringEntries, type ExpiryLimits } from './expiring-entries.ts';

/** Whoever announces a call before it is dialled leaves it time to ring. */
export const announcementLimits: ExpiryLimits = { lifetimeMs: 120_000, capacity: 2_000 };

/** The calls that somebody said would come, by the carrier's id: each announcement is good for one call, and for a while. */
export class Announcements {
  readonly #entries: ExpiringEntries<Announcement>;

  constructor(clock: Clock, limits = announcementLimits) {
    this.#entries = new ExpiringEntries(clock, limits);
  }

  /** A later announcement of the same call takes the place of the earlier one. */
  add(announcement: Announcement): void {
    this.#entries.put(announcement.carrierCallId, announcement);
  }

  find(carrierCallId: string): Announcement | undefined {
    return this.#entries.find(carrierCallId);
  }

  /** The call has come: nobody else can come as it. */
  used(announcement: Announcement): void {
    this.#entries.take(announcement.carrierCallId);
  }

  close(): void {
    this.#entries.close();
  }
}

/** The other side of a call: what was announced of it, over what the carrier itself says. */
export function partyOf(announcement: Announcement | undefined, told: Partial<Party> = {}): Party {
  const { from = told.from, to = told.to, variables = {} } = announcement ?? {};
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    direction: 'inbound',
    variables: { ...told.variables, ...variables },
  };
}
