import { expect } from 'vitest';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { samenessOf } from './sameness.ts';
import { scene } from './scene.ts';
import { type Silenced, silenced } from './silenced.ts';
import { hush, says, speech, turn } from './sounds.ts';
import type { Stage } from './stage.ts';

/** Barge-in: the caller's silence, the model's memory and the transcript tell the same of what was heard. */
export function bargeInCases<Call extends CarrierCall, Ready extends Prepared>(
  driver: CarrierDriver<Call, Ready>,
): void {
  const { receives, clears } = driver.traits;
  const same = samenessOf(driver.traits);
  const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent' };

  /** A whole turn of the caller, whose end comes when the agent has fallen silent: else the next answer may be there already. */
  async function interrupt(stage: Stage, caller: CarrierCall, seed: number): Promise<Silenced> {
    caller.send(speech(receives, 300, seed));
    const silence = await silenced(stage, caller, driver.traits);
    caller.send(hush(receives, 320, seed));
    return silence;
  }

  /** After the silence comes the next answer, whole, and not a byte of anything else. */
  async function expectAnswerAlone(
    stage: Stage,
    caller: CarrierCall,
    silence: Silenced,
    answerMs: number,
  ): Promise<void> {
    const { ear } = caller;
    const untilMs = silence.playedMs + answerMs;
    await stage.until('the next answer heard', () =>
      same.exact ? ear.playedMs > untilMs - 0.01 : ear.playedMs > untilMs - 5 && ear.quietMs >= 60,
    );
    const model = stage.tap.session(0);
    const answer = model.agentAudio(model.deltas.at(-1)?.itemId);
    same.expectHeard(ear.received(silence.receivedBytes), answer);
    if (clears) expect(ear.clears.at(-1)).toBe(silence);
  }

  scene(
    'falls silent when the caller speaks, and the model knows what was heard',
    driver,
    { env: agentFirst, script: [says({ ms: 3000, seed: 1 }), says({ ms: 200, seed: 2 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 400);
      caller.send(speech(receives, 300));
      const silence = await silenced(stage, caller, driver.traits);
      const { cutMs } = await cutOf(stage);
      same.expectNear(cutMs, silence.playedMs);
      const { items, cause } = await stage.event('barge-in');
      expect(cause).toBe('caller-spoke');
      expect(items).toHaveLength(1);
      same.expectNear(items[0]?.heardMs ?? 0, silence.playedMs);
      // The next answer is heard whole, and nothing of the dead one with it.
      caller.send(hush(receives, 320));
      await expectAnswerAlone(stage, caller, silence, 200);
      const [cut] = stage.eventsOf('turn.ended').filter(({ turn: ended }) => ended.role === 'agent');
      expect(cut?.turn).toMatchObject({ cut: 'caller-spoke', generatedMs: 3000 });
      expect(cut?.turn.heardText).not.toBe(cut?.turn.text);
      expect(cut?.turn.text.startsWith(cut.turn.heardText)).toBe(true);
    },
  );

  scene(
    'lets nothing of a dead answer through that the model sends late',
    driver,
    {
      env: agentFirst,
      faults: { lateDeltas: 4 },
      pace: { speed: 1.5 },
      script: [says({ ms: 6000, seed: 3 }), says({ ms: 200, seed: 4 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 400);
      const silence = await interrupt(stage, caller, 1);
      await cutOf(stage);
      await expectAnswerAlone(stage, caller, silence, 200);
      // The model did send more of it after its end.
      const model = stage.tap.session(0);
      const greetingBytes = model.agentAudio(model.deltas[0]?.itemId).length;
      expect(same.modelMs(greetingBytes)).toBeGreaterThan(same.earMs(silence.receivedBytes));
      expect(model.toldOf('response.done')[0]).toMatchObject({ response: { status: 'cancelled' } });
    },
  );

  scene(
    'forgets the answer that was queued behind the one that was cut',
    driver,
    {
      script: [
        says({ ms: 1500, seed: 5 }, { tool: 'some_tool', callId: 'call_a' }),
        says({ ms: 1000, seed: 6 }),
        says({ ms: 200, seed: 7 }),
      ],
    },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      const model = () => stage.tap.session(0);
      await stage.until('both answers there', () =>
        same.exact
          ? caller.ear.receivedMs === 2500
          : stage.tap.sessions[0]?.toldOf('response.done').length === 2,
      );
      await stage.until('some of the first heard', () => caller.ear.playedMs >= 300);
      const silence = await interrupt(stage, caller, 2);
      const { itemId, cutMs } = await cutOf(stage);
      const [firstItem, secondItem] = [...new Set(model().deltas.map((delta) => delta.itemId))];
      expect(itemId).toBe(firstItem);
      same.expectNear(cutMs, silence.playedMs);
      await stage.until(
        'the unheard answer deleted',
        () => stage.emulator.sessions[0]?.record.deletions.length === 1,
      );
      expect(stage.emulator.sessions[0]?.record.deletions).toEqual([secondItem]);
      await expectAnswerAlone(stage, caller, silence, 200);
    },
  );

  scene(
    'cuts only the second of two answers when the first was heard to its end',
    driver,
    { script: [says({ ms: 300, seed: 8 }, { ms: 2500, seed: 9 }), says({ ms: 200, seed: 10 })] },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      await stage.until('some of the second heard', () => caller.ear.playedMs >= 700);
      const silence = await interrupt(stage, caller, 2);
      const { itemId, cutMs } = await cutOf(stage);
      expect(itemId).toBe([...new Set(stage.tap.session(0).deltas.map((delta) => delta.itemId))][1]);
      same.expectNear(cutMs, silence.playedMs - 300);
      await expectAnswerAlone(stage, caller, silence, 200);
      expect(stage.emulator.sessions[0]?.record.deletions).toEqual([]);
    },
  );

  scene(
    'does not count an earlier answer, nor the silence after it, to the one that is cut',
    driver,
    {
      env: agentFirst,
      script: [says({ ms: 300, seed: 11 }), says({ ms: 2500, seed: 12 }), says({ ms: 200, seed: 13 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('the greeting heard', () => same.hasHeard(caller.ear, 300));
      caller.send(turn(receives, 400));
      await stage.until('some of the answer heard', () => caller.ear.playedMs >= 600);
      const silence = await interrupt(stage, caller, 2);
      const { cutMs } = await cutOf(stage);
      same.expectNear(cutMs, silence.playedMs - 300);
      await expectAnswerAlone(stage, caller, silence, 200);
    },
  );

  scene(
    'takes back an answer that was asked for and has not begun',
    driver,
    {
      env: agentFirst,
      faults: { eventDelayMs: 120 },
      pace: { speed: 1.5 },
      script: [says({ ms: 900, seed: 14 }), says({ ms: 200, seed: 15 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      const model = () => stage.tap.sessions[0];
      await stage.until('the greeting asked for', () => model()?.askedFor('response.create').length === 1);
      expect(model()?.toldOf('response.created')).toEqual([]);
      expect(stage.gateway.switchboard.directory.calls()[0]?.interrupt()).toBe(true);
      await stage.until('its end', () => model()?.toldOf('response.done').length === 1);
      expect(model()?.askedFor('response.cancel')).toHaveLength(1);
      caller.send(turn(receives, 300));
      await stage.until('the answer heard', () => same.hasHeard(caller.ear, 200));
      const answer = stage.tap.session(0).deltas.at(-1)?.itemId;
      same.expectHeard(caller.ear.heard(), stage.tap.session(0).agentAudio(answer));
    },
  );

  if (driver.traits.digits === true) {
    scene(
      'falls silent when a key is pressed',
      driver,
      {
        // Long enough for the silence to be seen before the answer to the key.
        env: { ...agentFirst, PATCHCORD_DTMF_INTER_DIGIT_MS: '400' },
        script: [says({ ms: 3000, seed: 16 }), says({ ms: 200, seed: 17 })],
      },
      async ({ stage, call }) => {
        const caller = await call();
        await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 250);
        caller.press('0');
        const silence = await silenced(stage, caller, driver.traits);
        const { cutMs } = await cutOf(stage);
        same.expectNear(cutMs, silence.playedMs);
        await expectAnswerAlone(stage, caller, silence, 200);
      },
    );
  }

  scene(
    'falls silent when the operator interrupts',
    driver,
    {
      env: agentFirst,
      pace: { speed: 1.5 },
      faults: { lateDeltas: 2 },
      script: [says({ ms: 3000, seed: 18 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 250);
      const [live] = stage.gateway.switchboard.directory.calls();
      expect(live?.interrupt()).toBe(true);
      const silence = await silenced(stage, caller, driver.traits);
      const { cutMs } = await cutOf(stage);
      same.expectNear(cutMs, silence.playedMs);
      await stage.until(
        'the response cancelled',
        () => stage.tap.session(0).toldOf('response.done').length === 1,
      );
      expect(stage.tap.session(0).askedFor('response.cancel')).toHaveLength(1);
      expect(caller.ear.received(silence.receivedBytes)).toHaveLength(0);
      expect(stage.liveCalls).toBe(1);
    },
  );
}

/** What the model was told of the item that was cut, as the model itself took it. */
async function cutOf(stage: Stage): Promise<{ itemId: string; cutMs: number }> {
  const truncations = () => stage.emulator.sessions.flatMap(({ record }) => record.truncations);
  await stage.until('a truncation', () => truncations().length > 0);
  const [truncation, ...more] = truncations();
  expect(more).toEqual([]);
  expect(truncation?.accepted).toBe(true);
  expect(truncation?.audioEndMs).toBeLessThanOrEqual(truncation?.generatedMs ?? 0);
  return { itemId: truncation?.itemId ?? '', cutMs: truncation?.audioEndMs ?? 0 };
}
