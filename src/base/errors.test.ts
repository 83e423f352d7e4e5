import { describe, expect, it } from 'vitest';
import { messageOf } from './errors.ts';

describe('messageOf', () => {
  it('has the words of each attempt where a name with several addresses was not reached', () => {
    const attempts = [new Error('connect ECONNREFUSED ::1:9'), new Error('connect ECONNREFUSED 127.0.0.1:9')];
    expect(messageOf(new AggregateError(attempts))).toBe(
      'connect ECONNREFUSED ::1:9, connect ECONNREFUSED 127.0.0.1:9',
    );
    expect(messageOf(new AggregateError(attempts, 'all failed'))).toBe('all failed');
    expect(messageOf('thrown')).toBe('thrown');
  });
});
