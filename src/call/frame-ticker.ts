import type { Clock, Timeout } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

/** Frames that are made up for at once after the process was held up; what is older than this is let go. */
const maxCatchUp = 5;

/** What tells when frames are due. */
export interface Ticker {
  readonly frameMs: number;
  /** `due` is called for every frame from now on, with how many are due; returns what stops it. */
  join(due: (frames: number) => void): () => void;
  /**
   * Looks whether frames are due, and gives them. A timer has to wait until all sockets that had something to read were
   * read: whoever works longer for one of them looks in between.
   */
  look(): void;
}

export interface FrameTickerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Length of a frame, milliseconds. */
  readonly frameMs?: number;
  /** Into how many groups those who join are spread over a frame, so that not all of them write in one moment. */
  readonly slots?: number;
}

interface Slot {
  /** When its next frame is due. */
  dueAt: number;
  readonly members: Set<Member>;
}

interface Member {
  due(frames: number): void;
  /** When its first frame is due: those of before it joined are not its own. */
  readonly firstDueAt: number;
}

/**
 * One timer for all calls whose audio we pace: tells each member how many frames are due. Deadlines are counted from
 * one start, so that lateness never adds up.
 */
export class FrameTicker implements Ticker {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #frameMs: number;
  readonly #slots: Slot[];
  #timer: Timeout | undefined;
  #armedFor = 0;
  #isTelling = false;

  constructor(options: FrameTickerOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#frameMs = options.frameMs ?? 20;
    const count = options.slots ?? 4;
    this.#slots = Array.from({ length: count }, () => ({ dueAt: 0, members: new Set<Member>() }));
  }

  get frameMs(): number {
    return this.#frameMs;
  }

  join(due: (frames: number) => void): () => void {
    const slot = this.#emptiest();
    const firstDueAt = this.#nextDue(slot);
    const member: Member = { due, firstDueAt };
    if (slot.members.size === 0) slot.dueAt = firstDueAt;
    slot.members.add(member);
    this.#arm();
    return () => {
      slot.members.delete(member);
      if (this.#slots.every(({ members }) => members.size === 0)) this.#disarm();
    };
  }

  look(): void {
    if (this.#timer && !this.#isTelling && this.#armedFor <= this.#clock.now()) {
      this.#timer.cancel();
      this.#tick();
    }
  }

  #emptiest(): Slot {
    return this.#slots.reduce((least, slot) => (slot.members.size < least.members.size ? slot : least));
  }

  /** Slots keep their places within a frame for ever: a member that comes and goes shifts nobody. */
  #nextDue(slot: Slot): number {
    const offset = (this.#slots.indexOf(slot) * this.#frameMs) / this.#slots.length;
    const now = this.#clock.now();
    return offset + Math.floor((now - offset) / this.#frameMs + 1) * this.#frameMs;
  }

  #arm(): void {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { members, dueAt } of this.#slots) if (members.size > 0) soonest = Math.min(soonest, dueAt);
    if (soonest === Number.POSITIVE_INFINITY || (this.#timer && this.#armedFor <= soonest)) return;
    this.#timer?.cancel();
    this.#armedFor = soonest;
    this.#timer = this.#clock.setTimeout(this.#tick, Math.max(0, soonest - this.#clock.now()));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    this.#timer = undefined;
    this.#isTelling = true;
    const now = this.#clock.now();
    for (const slot of this.#slots) {
      if (slot.members.size === 0 || slot.dueAt > now) continue;
      const due = Math.floor((now - slot.dueAt) / this.#frameMs) + 1;
      slot.dueAt += due * this.#frameMs;
      this.#tell(slot, Math.min(due, maxCatchUp));
    }
    this.#isTelling = false;
    this.#arm();
  };

  /** Nobody's failure is anybody else's. */
  #tell(slot: Slot, frames: number): void {
    for (const member of slot.members) {
      // The slot may have been overdue when it joined.
      const own = Math.min(frames, Math.round((slot.dueAt - member.firstDueAt) / this.#frameMs));
      if (own <= 0) continue;
      try {
        member.due(own);
      } catch (thrown) {
        this.#log.error({ error: messageOf(thrown) }, 'a frame could not be played');
      }
    }
  }
}
