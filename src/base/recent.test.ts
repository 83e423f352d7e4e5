import { expect, it } from 'vitest';
import { Recent } from './recent.ts';

it('takes what is set again for the newest', () => {
  const recent = new Recent<number>(2);
  for (const [at, key] of ['a', 'b', 'a', 'c'].entries()) recent.set(key, at);
  expect(['a', 'b', 'c'].map((key) => recent.has(key))).toEqual([true, false, true]);
});

it('knows what was set last, and no more than that', () => {
  const recent = new Recent<number>(2);
  for (const [at, key] of ['a', 'b', 'b', 'c'].entries()) recent.set(key, at);
  expect(['a', 'b', 'c'].map((key) => recent.has(key))).toEqual([false, true, true]);
  expect(recent.get('b')).toBe(2);
  expect(recent.size).toBe(2);
  expect(recent.delete('b')).toBe(true);
  recent.clear();
  expect(recent.size).toBe(0);
});
