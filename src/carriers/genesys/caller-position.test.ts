import { describe, expect, it } from 'vitest';
import { CallerPosition } from './caller-position.ts';

describe("where the caller's stream stands", () => {
  it.each([
    ['do not count what was discarded', 1000, 1600],
    ['count what was discarded', 1000, 2100],
  ])('is the same where the positions of Genesys %s', (_what, first, second) => {
    const position = new CallerPosition();
    position.sent(1000);
    position.discarded(first, 500);
    expect(position.ms).toBe(1500);
    position.sent(600);
    position.discarded(second, 500);
    position.sent(600);
    expect(position.ms).toBe(3200);
  });

  it('does not go back, whatever is said of it', () => {
    const position = new CallerPosition();
    position.sent(400);
    position.discarded(0, 100);
    position.discarded(1, 0);
    expect(position.ms).toBe(400);
  });

  it('moves on by each of two parts that were discarded at one place', () => {
    const position = new CallerPosition();
    position.sent(300);
    position.discarded(300, 500);
    position.discarded(300, 500);
    expect(position.ms).toBe(1300);
    position.discarded(1300, 500);
    expect(position.ms).toBe(1800);
  });
});
