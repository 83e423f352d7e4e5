import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentTurn, chunk, VirtualSession } from '../../../test/support/genesys-session.ts';
import { emptyRecord } from '../testing/test-host.ts';
import { openOf, probe } from './testing/fake-socket.ts';

const types = [
  'open',
  'ping',
  'update',
  'dtmf',
  'paused',
  'resumed',
  'discarded',
  'playback_started',
  'playback_completed',
  'weather',
];
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('says' as const), type: fc.constantFrom(...types) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'says' as const, type: 'close' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('audio' as const), bytes: fc.nat(3000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('play' as const), bytes: fc.nat(64_000) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'limit' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'report' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'clear' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.constantFrom('hangUp', 'garbage', 'skip').map((what) => ({ do: what })) },
);

type Act =
  typeof act extends fc.Arbitrary<infer T> ? T & { type?: string; bytes?: number; ms?: number } : never;

function perform(session: VirtualSession, step: Act, hangUps: Promise<void>[]): void {
  const { socket, clock, host } = session;
  const leg = host.calls.at(-1)?.leg;
  const parameters = { digit: '1', start: 'PT1S', discarded: 'PT1S', retryAfter: 'PT1S', code: 429 };
  switch (step.do) {
    case 'says':
      socket.says(step.type ?? '', step.type === 'open' ? openOf() : parameters);
      return;
    case 'limit':
      socket.says('error', parameters);
      return;
    case 'audio':
      socket.sends(step.bytes ?? 0);
      return;
    case 'play':
      leg?.play(chunk(step.bytes ?? 0));
      return;
    case 'report':
      leg?.turnEnded?.(agentTurn(1, 'x'));
      return;
    case 'clear':
      leg?.clear();
      return;
    case 'wait':
      clock.advance(step.ms ?? 0);
      return;
    case 'hangUp':
      if (leg !== undefined) hangUps.push(leg.hangUp('agent', emptyRecord));
      return;
    case 'garbage':
      socket.text('{');
      return;
    default:
      socket.seq += 1;
  }
}

describe('any session', () => {
  it('ends once, numbers what it writes without a gap, and leaves nothing behind: 2,000 sessions', async () => {
    const first = fc.constantFrom(openOf(), openOf(), probe, openOf({ media: [] }));
    await fc.assert(
      fc.asyncProperty(first, fc.array(act, { maxLength: 30 }), async (open, steps) => {
        const session = new VirtualSession();
        const hangUps: Promise<void>[] = [];
        session.socket.says('open', open);
        for (const step of steps) perform(session, step, hangUps);
        session.socket.emit('close', 1006);
        // The fake peer throws at a number that is not the next one.
        await Promise.all(hangUps);
        for (const { ends, log } of session.host.calls) {
          expect(ends).toHaveLength(1);
          expect(log.at(-1)).toMatch(/^ended/);
        }
        expect(session.host.calls.length).toBeLessThanOrEqual(1);
        expect(session.clock.pending).toBe(0);
        expect(session.socket.eventNames()).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});
