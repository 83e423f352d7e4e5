import { describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/logger.ts';
import { CallDirectory } from './directory.ts';
import type { CallEvent } from './events.ts';
import { setUp } from './testing/set-up.ts';

function directoryWithCall(log: Logger = silentLogger) {
  const directory = new CallDirectory(log);
  const { call, events, leg } = setUp();
  directory.add(call);
  const [started] = events;
  if (!started) throw new Error('the call did not start');
  const ended: CallEvent = {
    type: 'call.ended',
    callId: call.callId,
    atEpochMs: 0,
    reason: 'operator',
    call: call.snapshot(),
  };
  return { directory, call, leg, started, ended };
}

describe('the live calls', () => {
  it('are found by our id and by the carrier’s', () => {
    const { directory, call } = directoryWithCall();
    expect(directory.find(call.callId)).toBe(call);
    expect(directory.find(call.carrierCallId)).toBe(call);
    expect(directory.find('another')).toBeUndefined();
    expect(directory.snapshots().map(({ callId }) => callId)).toEqual([call.callId]);
  });

  it('are still found by the id that the carrier had when they began', () => {
    const { directory, call, leg } = directoryWithCall();
    leg.carrierCallId = 'carrier-2';
    for (const id of ['carrier-1', 'carrier-2', call.callId]) expect(directory.find(id)).toBe(call);
    expect(call.goesBy('carrier-3')).toBe(false);
  });

  it('leave when they have ended, before anybody is told', () => {
    const { directory, ended } = directoryWithCall();
    const sizes: number[] = [];
    directory.observe(() => sizes.push(directory.size));
    expect(directory.size).toBe(1);
    directory.tell(ended);
    expect(sizes).toEqual([0]);
    expect(directory.calls()).toEqual([]);
  });
});

describe('an observer of all calls', () => {
  it('is told everything until it stops', () => {
    const { directory, started, ended } = directoryWithCall();
    const told: string[] = [];
    const stop = directory.observe(({ type }) => told.push(type));
    directory.tell(started);
    stop();
    directory.tell(ended);
    expect(told).toEqual(['call.started']);
  });

  it('may follow every word, which costs nothing while none does', () => {
    const { directory } = directoryWithCall();
    let listeners = 0;
    directory.observe(() => undefined);
    const stop = directory.observe(
      () => undefined,
      () => listeners > 0,
    );
    expect(directory.followed()).toBe(false);
    listeners = 1;
    expect(directory.followed()).toBe(true);
    stop();
    expect(directory.followed()).toBe(false);
  });

  it('that throws is logged, and keeps nothing from the others', () => {
    const errors: object[] = [];
    const { directory, started } = directoryWithCall({
      ...silentLogger,
      error: (fields) => errors.push(fields),
    });
    const told: string[] = [];
    directory.observe(() => {
      throw new Error('full disk');
    });
    directory.observe(({ type }) => told.push(type));
    directory.tell(started);
    expect(told).toEqual(['call.started']);
    expect(errors).toMatchObject([{ event: 'call.started', error: 'full disk' }]);
  });
});
