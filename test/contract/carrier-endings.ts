import { expect } from 'vitest';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { samenessOf } from './sameness.ts';
import { scene } from './scene.ts';
import { silenced } from './silenced.ts';
import { hush, says, speech, turn } from './sounds.ts';

/** Every way in which a call ends; `scene` sees each time that nothing is left open. */
export function endingCases<Call extends CarrierCall, Ready extends Prepared>(
  driver: CarrierDriver<Call, Ready>,
): void {
  const { receives, goodbyeCode, breaksLikeHangUp = false } = driver.traits;
  const same = samenessOf(driver.traits);
  const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent' };
  const saysGoodbye = (ms: number) =>
    says({ ms, seed: 1, words: 'Goodbye then' }, { tool: 'end_call', callId: 'call_end' });

  scene(
    'hangs up for the agent once the goodbye was heard to its end',
    driver,
    { script: [saysGoodbye(700)] },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      const code = await caller.closed;
      expect(code).toBe(goodbyeCode);
      same.expectLastMs(caller.ear, 700);
      expect(caller.ear.clears).toEqual([]);
      const { reason, call: record } = await stage.event('call.ended');
      expect(reason).toBe('agent-hung-up');
      expect(record.turns.at(-1)).toMatchObject({ role: 'agent', heardText: 'Goodbye then', heardMs: 700 });
      // Nobody asks the model to speak about having hung up.
      expect(stage.tap.session(0).askedFor('response.create')).toEqual([]);
    },
  );

  scene(
    'asks for a goodbye when the agent hangs up without one',
    driver,
    { script: [says({ tool: 'end_call', callId: 'call_end' }), says({ ms: 300, seed: 2 })] },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      expect(await caller.closed).toBe(goodbyeCode);
      same.expectLastMs(caller.ear, 300);
      expect(stage.tap.session(0).askedFor('response.create')).toHaveLength(1);
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    },
  );

  scene(
    'does not hang up when the caller speaks into the goodbye',
    driver,
    {
      env: { PATCHCORD_GOODBYE_TIMEOUT_MS: '500' },
      // Long enough to be spoken into on a busy machine.
      script: [saysGoodbye(2000), says({ ms: 900, seed: 3 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      await stage.until('some of the goodbye heard', () => caller.ear.playedMs >= 250);
      caller.send(speech(receives, 300, 2));
      const { playedMs: heardMs } = await silenced(stage, caller, driver.traits);
      caller.send(hush(receives, 320, 2));
      expect(heardMs).toBeLessThan(2000);
      // Longer than the goodbye's bound.
      await stage.until(
        'the next answer heard',
        () => caller.ear.playedMs > heardMs + (same.exact ? 899.9 : 890),
      );
      expect(stage.liveCalls).toBe(1);
      expect(caller.closeCode).toBeUndefined();
    },
  );

  scene(
    'ends when the caller hangs up',
    driver,
    { env: agentFirst, script: [says({ ms: 2000, seed: 4 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 100);
      caller.hangUp();
      const { reason, call: record } = await stage.event('call.ended');
      expect(reason).toBe('caller-hung-up');
      expect(record.turns.at(-1)).toMatchObject({ role: 'agent', cut: 'call-ended' });
      await stage.empty();
      expect(stage.eventsOf('call.ended')).toHaveLength(1);
    },
  );

  scene(
    'ends when the operator hangs up',
    driver,
    { env: agentFirst, script: [says({ ms: 2000, seed: 5 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 100);
      const [live] = stage.gateway.switchboard.directory.calls();
      live?.end('operator');
      expect(await caller.closed).toBe(goodbyeCode);
      expect((await stage.event('call.ended')).reason).toBe('operator');
      await stage.empty();
    },
  );

  scene(
    'ends when the connection breaks',
    driver,
    { env: agentFirst, script: [says({ ms: 2000, seed: 6 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 100);
      caller.lose();
      const reason = breaksLikeHangUp ? 'caller-hung-up' : 'carrier-lost';
      expect((await stage.event('call.ended')).reason).toBe(reason);
      await stage.empty();
    },
  );

  scene('ends once when both sides hang up at the same time', driver, {}, async ({ stage, call }) => {
    const caller = await call();
    await stage.event('model.state', 2);
    caller.hangUp();
    stage.gateway.switchboard.directory.calls()[0]?.end('operator');
    await caller.closed;
    await stage.empty();
    expect(stage.eventsOf('call.ended')).toHaveLength(1);
  });

  scene(
    'lets a live call end by itself while the gateway drains, and takes no other',
    driver,
    { env: agentFirst, script: [says({ ms: 400, seed: 7 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.event('turn.started');
      const drained = stage.gateway.drain();
      await stage.until('the greeting heard', () => same.hasHeard(caller.ear, 400));
      expect(stage.liveCalls).toBe(1);
      const turnedAway = call().then(
        (late) => late.closed,
        () => 'refused',
      );
      expect(await turnedAway).not.toBe(1000);
      expect(stage.liveCalls).toBe(1);
      caller.hangUp();
      await drained;
      expect(stage.liveCalls).toBe(0);
    },
  );
}
