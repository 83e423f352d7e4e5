import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Agenda } from './agenda.ts';

describe('agenda', () => {
  it('runs what is due in the order of time, ties in the order of adding', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
        const agenda = new Agenda();
        const ran: Array<[number, number]> = [];
        for (const [order, atMs] of times.entries()) agenda.at(atMs, () => ran.push([atMs, order]));
        agenda.run(10);
        expect(ran.length).toBe(times.filter((atMs) => atMs <= 10).length);
        agenda.run(20);
        const expected = times.map((atMs, order): [number, number] => [atMs, order]);
        expect(ran).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
        expect(agenda.size).toBe(0);
      }),
    );
  });

  it('runs at once what an action adds for now', () => {
    const agenda = new Agenda();
    const ran: string[] = [];
    agenda.at(1, () => {
      ran.push('first');
      agenda.at(1, () => ran.push('second'));
    });
    agenda.run(1);
    expect(ran).toEqual(['first', 'second']);
  });
});
