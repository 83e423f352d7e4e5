import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Turn } from '../../call/turn.ts';
import { TurnReports } from './reports.ts';

let clock: VirtualClock;
let reports: TurnReports;

beforeEach(() => {
  clock = new VirtualClock();
  reports = new TurnReports(clock);
});

/** A turn that begins now and takes a second. */
function turn(turnId: number, changes: Partial<Turn> = {}): Turn {
  const startedAtMs = clock.now();
  clock.advance(1000);
  return {
    turnId,
    role: 'agent',
    startedAtMs,
    text: 'Hello there.',
    heardText: 'Hello there.',
    heardMs: 900,
    generatedMs: 900,
    ended: true,
    ...changes,
  };
}

describe('the report of a turn', () => {
  it('has what was heard of it', () => {
    expect(reports.turnEnded(turn(1))).toEqual({
      disposition: 'match',
      text: 'Hello there.',
      confidence: 1,
    });
    expect(reports.turnEnded(turn(2, { heardText: 'Hello', cut: 'caller-spoke' }))?.text).toBe('Hello');
  });

  it('has what was said where nobody knows what was heard', () => {
    expect(reports.turnEnded(turn(1, { heardText: '' }))?.text).toBe('Hello there.');
  });

  it('is not made of the caller, of silence, or of an answer that nobody heard', () => {
    expect(reports.turnEnded(turn(1, { role: 'caller' }))).toBeUndefined();
    expect(reports.turnEnded(turn(2, { text: '', heardText: ' ' }))).toBeUndefined();
    expect(reports.turnEnded(turn(3, { heardText: '', cut: 'caller-spoke' }))).toBeUndefined();
  });

  it('says no_input where the agent asks again because nobody spoke', () => {
    reports.turnEnded(turn(1));
    clock.advance(8000);
    expect(reports.turnEnded(turn(2))?.disposition).toBe('no_input');
  });

  it('says match after a word of the caller, also one whose text comes late', () => {
    reports.turnEnded(turn(1));
    clock.advance(8000);
    expect(reports.turnEnded(turn(3))?.disposition).toBe('match');
  });

  it('says match for the parts of one answer', () => {
    reports.turnEnded(turn(1));
    clock.advance(2000);
    expect(reports.turnEnded(turn(2))?.disposition).toBe('match');
  });

  it('is never longer than a message takes', () => {
    const long = 'x'.repeat(20_000);
    expect(reports.turnEnded(turn(1, { heardText: long }))?.text).toHaveLength(8000);
  });
});
