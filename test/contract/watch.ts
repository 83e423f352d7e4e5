/** What tells nobody when it changes, such as a count, is looked at this often. */
const lookEveryMs = 10;

/** Lets a test wait for what it names instead of for time. Whoever records something says `changed`. */
export class Watch {
  readonly #looks = new Set<() => void>();

  readonly changed = (): void => {
    for (const look of [...this.#looks]) look();
  };

  /** Settles as soon as `enough` holds; rejects with `what` when it does not within the deadline. */
  until(what: string, enough: () => boolean, withinMs = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(deadline);
        clearInterval(poll);
        this.#looks.delete(look);
        settle();
      };
      const look = (): void => {
        try {
          if (enough()) finish(resolve);
        } catch (thrown) {
          finish(() => reject(thrown));
        }
      };
      const deadline = setTimeout(
        () => finish(() => reject(new Error(`did not come within ${withinMs} ms: ${what}`))),
        withinMs,
      );
      const poll = setInterval(() => look(), lookEveryMs);
      this.#looks.add(look);
      look();
    });
  }
}
