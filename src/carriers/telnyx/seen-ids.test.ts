import { expect, it } from 'vitest';
import { SeenIds } from './seen-ids.ts';

it('remembers the newest ids and no more of them than it may', () => {
  const seen = new SeenIds(3);
  for (const id of ['a', 'b', 'b', 'c', 'd']) seen.add(id);
  expect(['a', 'b', 'c', 'd', 'e'].map((id) => seen.has(id))).toEqual([false, true, true, true, false]);
});
