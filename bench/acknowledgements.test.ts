import { describe, expect, it } from 'vitest';
import { Acknowledgements } from './acknowledgements.ts';
import { Agenda } from './agenda.ts';

function saying(delayMs: readonly [number, number]) {
  const agenda = new Agenda();
  const said: string[] = [];
  return { agenda, said, words: new Acknowledgements(agenda, delayMs, (name) => said.push(name)) };
}

describe('what a carrier says of its playback', () => {
  it('is said late, but in its order', () => {
    const { agenda, said, words } = saying([0, 500]);
    for (let mark = 0; mark < 20; mark++) words.add(`p${mark}`, 100 + mark);
    agenda.run(99);
    expect(said).toEqual([]);
    agenda.run(700);
    expect(said).toEqual(Array.from({ length: 20 }, (_, mark) => `p${mark}`));
  });

  it('is said at once by a clear that returns marks, and never by one that drops them', () => {
    const returned = saying([0, 0]);
    const dropped = saying([10, 10]);
    for (const { words } of [returned, dropped]) {
      words.add('played', 100);
      words.add('queued', 900);
    }
    returned.words.hasten(105);
    returned.agenda.run(105);
    expect(returned.said).toEqual(['played', 'queued']);
    // What was reached before the clear is still on its way.
    dropped.words.drop(105);
    dropped.agenda.run(2000);
    expect(dropped.said).toEqual(['played']);
  });
});
