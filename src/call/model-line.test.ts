import { describe, expect, it } from 'vitest';
import type { PatchcordError } from '../base/errors.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { CallEventBody } from './events.ts';
import { ModelLine } from './model-line.ts';

function setUp() {
  const clock = new VirtualClock();
  const told: CallEventBody[] = [];
  const late: PatchcordError[] = [];
  const line = new ModelLine({
    clock,
    emit: (event) => told.push(event),
    late: (error) => late.push(error),
  });
  return { clock, line, told, late };
}

describe('the line to the model', () => {
  it('tells each state and what led there', () => {
    const { line, told } = setUp();
    line.go('open');
    line.go('ready');
    expect(line.state).toBe('ready');
    expect(told).toEqual([
      { type: 'model.state', from: 'idle', to: 'connecting', cause: 'open' },
      { type: 'model.state', from: 'connecting', to: 'ready', cause: 'ready' },
    ]);
  });

  it('stays where it is when no way leads from there', () => {
    const { line, told } = setUp();
    line.go('close');
    line.go('ready');
    line.go('close');
    expect(line.state).toBe('gone');
    expect(told).toHaveLength(1);
  });

  it.each([
    ['opened', ['open']],
    ['lost', ['open', 'ready', 'resuming']],
  ])('is late 90 s after it was %s', (_when, events) => {
    const { clock, line, late } = setUp();
    for (const event of events) line.go(event);
    clock.advance(89_999);
    expect(late).toEqual([]);
    clock.advance(1);
    expect(late.map(({ code }) => code)).toEqual(['PATCHCORD_MODEL_TIMEOUT']);
  });

  it('is waited for by nothing once it is ready, or gone', () => {
    const { clock, line } = setUp();
    line.go('open');
    line.go('ready');
    expect(clock.pending).toBe(0);
    line.go('resuming');
    line.go('close');
    expect(clock.pending).toBe(0);
  });
});
