import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Sounding } from './sounding.ts';

let clock: VirtualClock;
let sounding: Sounding;
let outcome: boolean | undefined;

beforeEach(() => {
  clock = new VirtualClock();
  sounding = new Sounding(clock);
  outcome = undefined;
});

function wait(abort = new AbortController()): AbortController {
  sounding.heard(abort.signal).then(
    (heard) => {
      outcome = heard;
    },
    (thrown) => expect.fail(String(thrown)),
  );
  return abort;
}

describe('what the agent has said', () => {
  it('is heard when it has sounded, and a little after: more may come', async () => {
    clock.advance(1000);
    sounding.sent(500);
    wait();
    await clock.advanceAsync(600);
    sounding.sent(300);
    await clock.advanceAsync(499);
    expect(outcome).toBeUndefined();
    await clock.advanceAsync(1);
    expect(outcome).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is heard at once where it is long silent', async () => {
    sounding.sent(20);
    await clock.advanceAsync(220);
    wait();
    await clock.advanceAsync(0);
    expect(outcome).toBe(true);
  });

  it('is not heard when it is cut, or when nobody wants to know any more', async () => {
    sounding.sent(5000);
    wait();
    sounding.cut();
    await clock.advanceAsync(0);
    expect(outcome).toBe(false);
    outcome = undefined;
    sounding.sent(5000);
    wait().abort();
    await clock.advanceAsync(0);
    expect(outcome).toBe(false);
    expect(clock.pending).toBe(0);
  });
});
