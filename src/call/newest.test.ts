import { expect, it } from 'vitest';
import { Newest } from './newest.ts';

it('the newest names are known, and no more than that', () => {
  const newest = new Newest(2);
  for (const name of ['a', 'b', 'b', 'c']) newest.add(name);
  expect(['a', 'b', 'c'].map((name) => newest.has(name))).toEqual([false, true, true]);
});
