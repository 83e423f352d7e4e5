interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly action: (nowMs: number) => void;
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Things to do at their time: a binary heap, so that thousands of calls need one timer. */
export class Agenda {
  readonly #heap: Entry[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  at(atMs: number, action: (nowMs: number) => void): void {
    const entry = { atMs, order: this.#order++, action };
    let index = this.#heap.push(entry) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (!parent || !before(entry, parent)) break;
      this.#heap[index] = parent;
      this.#heap[parentIndex] = entry;
      index = parentIndex;
    }
  }

  /** Runs what is due at `nowMs`, earliest first, and what that adds. */
  run(nowMs: number): void {
    for (let first = this.#heap[0]; first && first.atMs <= nowMs; first = this.#heap[0]) {
      this.#removeFirst();
      first.action(nowMs);
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (!last || this.#heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      if (!left) break;
      const goRight = right !== undefined && before(right, left);
      const child = goRight ? right : left;
      if (!before(child, last)) break;
      this.#heap[index] = child;
      index = 2 * index + (goRight ? 2 : 1);
    }
    this.#heap[index] = last;
  }
}

const frameMs = 20;

/** Sends every member a beat each 20 ms, each at its own phase, and runs the agenda between the beats. */
export class Metronome {
  readonly #agenda: Agenda;
  readonly #slots: Array<Set<(nowMs: number) => void>> = Array.from({ length: frameMs }, () => new Set());
  readonly #onLate: (lateMs: number) => void;
  #nextSlotMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(agenda: Agenda, onLate: (lateMs: number) => void) {
    this.#agenda = agenda;
    this.#onLate = onLate;
  }

  start(): void {
    this.#nextSlotMs = Math.ceil(performance.now());
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Adds a member at phase 0 to 19 ms; returns how to take it off. */
  add(phaseMs: number, beat: (nowMs: number) => void): () => void {
    const slot = this.#slots[Math.floor(phaseMs) % frameMs];
    slot?.add(beat);
    return () => slot?.delete(beat);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#tick();
      this.#schedule();
    }, 1);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#onLate(nowMs - this.#nextSlotMs);
    for (; this.#nextSlotMs <= nowMs; this.#nextSlotMs++) {
      for (const beat of this.#slots[this.#nextSlotMs % frameMs] ?? []) beat(performance.now());
    }
    this.#agenda.run(performance.now());
  }
}
