import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { NoInput, type NoInputStep } from './no-input.ts';

function setUp(afterMs = 10_000, limit = 3) {
  const clock = new VirtualClock();
  const steps: NoInputStep[] = [];
  const noInput = new NoInput({ clock, afterMs, limit, step: (step) => steps.push(step) });
  /** Both sides are silent for so long, then the agent speaks. */
  const silence = (ms: number): void => {
    noInput.silence();
    clock.advance(ms);
    noInput.pause();
  };
  return { clock, steps, noInput, silence };
}

describe('a caller who says nothing', () => {
  it('is asked, warned, and let go', () => {
    const { steps, silence } = setUp();
    silence(10_000);
    silence(10_000);
    silence(10_000);
    expect(steps).toEqual(['reprompt', 'warn', 'end']);
  });

  it('is asked as often as the limit leaves room for', () => {
    const { steps, silence } = setUp(1000, 5);
    for (let count = 0; count < 5; count += 1) silence(1000);
    expect(steps).toEqual(['reprompt', 'reprompt', 'reprompt', 'warn', 'end']);
  });

  it('is let go at once where the limit is one', () => {
    const { steps, silence } = setUp(1000, 1);
    silence(1000);
    expect(steps).toEqual(['end']);
  });

  it('has the whole time again after the agent spoke', () => {
    const { steps, silence } = setUp();
    silence(9000);
    silence(9000);
    expect(steps).toEqual([]);
  });

  it('is not waited for from anew when silence is told twice', () => {
    const { clock, steps, noInput } = setUp();
    noInput.silence();
    clock.advance(6000);
    noInput.silence();
    clock.advance(4000);
    expect(steps).toEqual(['reprompt']);
  });

  it('starts over by doing something', () => {
    const { steps, noInput, silence } = setUp();
    silence(10_000);
    silence(10_000);
    noInput.callerActed();
    silence(10_000);
    expect(steps).toEqual(['reprompt', 'warn', 'reprompt']);
  });

  it('is not waited for on hold, and has the whole time again when he is back', () => {
    const { clock, steps, noInput, silence } = setUp();
    silence(10_000);
    noInput.silence();
    clock.advance(9000);
    noInput.hold(true);
    expect(clock.pending).toBe(0);
    silence(60_000);
    noInput.hold(false);
    silence(9999);
    silence(10_000);
    expect(steps).toEqual(['reprompt', 'reprompt']);
  });

  it('is back from hold when he does something, whether or not that was told', () => {
    const { steps, noInput, silence } = setUp();
    noInput.hold(true);
    noInput.callerActed();
    silence(10_000);
    expect(steps).toEqual(['reprompt']);
  });

  it('may be silent for ever where that is wanted', () => {
    const { clock, steps, noInput } = setUp(0);
    noInput.silence();
    clock.advance(3_600_000);
    expect(steps).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
