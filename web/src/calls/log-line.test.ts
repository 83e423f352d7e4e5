import { describe, expect, it } from 'vitest';
import type { CallEventBody } from '../../../src/call/events.ts';
import { filterLines, type LogLine, logLine, logTopics } from './log-line.ts';

const line = (body: CallEventBody, id = 1) => logLine(id, { callId: 'c1', atEpochMs: 0, ...body });

describe('the event log', () => {
  it('says what happened in a few words', () => {
    expect(line({ type: 'barge-in', cause: 'caller-spoke', clearMs: 0.123, items: [] })?.detail).toBe(
      'caller-spoke, cleared in 0.12 ms',
    );
    expect(line({ type: 'latency.turn', turnId: 3, firstAudioMs: 412.6, heardMs: 450 })?.detail).toBe(
      'turn 3: 413 ms, heard 450 ms',
    );
  });

  it('is filtered by topic, by words in any order and by call', () => {
    const lines = [
      line({ type: 'digit', digit: '#' }, 1),
      line({ type: 'speech.started' }, 2),
      line({ type: 'call.state', from: 'ringing', to: 'live', cause: 'media' }, 3),
    ].filter((found): found is LogLine => found !== undefined);
    const ids = (...how: [ReadonlySet<LogLine['topic']>, string, string?]) =>
      filterLines(lines, ...how).map(({ id }) => id);
    expect(ids(new Set(['call']), '')).toEqual([1, 3]);
    expect(ids(new Set(logTopics), 'LIVE ring')).toEqual([3]);
    expect(ids(new Set(logTopics), '', 'c2')).toEqual([]);
  });
});
