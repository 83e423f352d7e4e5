import { expect } from 'vitest';
import type { CarrierCall, CarrierDriver } from './carrier-driver.ts';
import { scene } from './scene.ts';
import { hush, says, speech, turn } from './sounds.ts';
import type { Stage } from './stage.ts';

/** For the jitter of real sockets in one busy process; exactness is proved in virtual time. */
const toleranceMs = 60;

/** Barge-in: the caller's silence, the model's memory and the transcript tell the same of what was heard. */
export function bargeInCases<Call extends CarrierCall>(driver: CarrierDriver<Call>): void {
  if (driver.traits.clears !== true) return;
  const { format } = driver.traits;
  const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent' };

  scene(
    'falls silent when the caller speaks, and the model knows what was heard',
    driver,
    { env: agentFirst, script: [says({ ms: 3000, seed: 1 }), says({ ms: 200, seed: 2 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 400);
      caller.send(speech(format, 300));
      await stage.until('a clear', () => caller.ear.clears.length === 1);
      const { cutMs } = await cutOf(stage);
      expectNear(cutMs, caller.ear.clears[0]?.playedMs ?? 0);
      const { items, cause } = await stage.event('barge-in');
      expect(cause).toBe('caller-spoke');
      expect(items).toHaveLength(1);
      expectNear(items[0]?.heardMs ?? 0, caller.ear.clears[0]?.playedMs ?? 0);
      // The next answer is heard whole, and nothing of the dead one with it.
      caller.send(hush(format, 320));
      await expectAnswerAlone(stage, caller, 200);
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
      caller.send(turn(format, 300));
      await stage.until('a clear', () => caller.ear.clears.length === 1);
      await cutOf(stage);
      await expectAnswerAlone(stage, caller, 200);
      // The model did send more of it after its end.
      const model = stage.tap.session(0);
      const greetingBytes = model.agentAudio(model.deltas[0]?.itemId).length;
      expect(greetingBytes).toBeGreaterThan(caller.ear.clears[0]?.receivedBytes ?? 0);
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
      caller.send(turn(format, 300));
      const model = () => stage.tap.session(0);
      await stage.until('both answers queued', () => caller.ear.receivedMs === 2500);
      await stage.until('some of the first heard', () => caller.ear.playedMs >= 300);
      caller.send(turn(format, 300, 2));
      const { itemId, cutMs } = await cutOf(stage);
      const [firstItem, secondItem] = [...new Set(model().deltas.map((delta) => delta.itemId))];
      expect(itemId).toBe(firstItem);
      expectNear(cutMs, caller.ear.clears[0]?.playedMs ?? 0);
      await stage.until(
        'the unheard answer deleted',
        () => stage.emulator.sessions[0]?.record.deletions.length === 1,
      );
      expect(stage.emulator.sessions[0]?.record.deletions).toEqual([secondItem]);
      await expectAnswerAlone(stage, caller, 200);
    },
  );

  scene(
    'cuts only the second of two answers when the first was heard to its end',
    driver,
    { script: [says({ ms: 300, seed: 8 }, { ms: 2500, seed: 9 }), says({ ms: 200, seed: 10 })] },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(format, 300));
      await stage.until('some of the second heard', () => caller.ear.playedMs >= 700);
      caller.send(turn(format, 300, 2));
      const { itemId, cutMs } = await cutOf(stage);
      expect(itemId).toBe([...new Set(stage.tap.session(0).deltas.map((delta) => delta.itemId))][1]);
      expectNear(cutMs, (caller.ear.clears[0]?.playedMs ?? 0) - 300);
      await expectAnswerAlone(stage, caller, 200);
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
      await stage.until('the greeting heard', () => caller.ear.playedMs === 300);
      caller.send(turn(format, 400));
      await stage.until('some of the answer heard', () => caller.ear.playedMs >= 600);
      caller.send(turn(format, 300, 2));
      const { cutMs } = await cutOf(stage);
      expectNear(cutMs, (caller.ear.clears.at(-1)?.playedMs ?? 0) - 300);
      await expectAnswerAlone(stage, caller, 200);
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
      caller.send(turn(format, 300));
      await stage.until('the answer heard', () => caller.ear.playedMs === 200);
      const answer = stage.tap.session(0).deltas.at(-1)?.itemId;
      expect(caller.ear.heard().equals(stage.tap.session(0).agentAudio(answer))).toBe(true);
    },
  );

  if (driver.traits.digits === true) {
    scene(
      'falls silent when a key is pressed',
      driver,
      { env: agentFirst, script: [says({ ms: 3000, seed: 16 }), says({ ms: 200, seed: 17 })] },
      async ({ stage, call }) => {
        const caller = await call();
        await stage.until('some of the greeting heard', () => caller.ear.playedMs >= 250);
        caller.press('0');
        const { cutMs } = await cutOf(stage);
        expectNear(cutMs, caller.ear.clears[0]?.playedMs ?? 0);
        await expectAnswerAlone(stage, caller, 200);
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
      const { cutMs } = await cutOf(stage);
      expectNear(cutMs, caller.ear.clears[0]?.playedMs ?? 0);
      await stage.until(
        'the response cancelled',
        () => stage.tap.session(0).toldOf('response.done').length === 1,
      );
      expect(stage.tap.session(0).askedFor('response.cancel')).toHaveLength(1);
      expect(caller.ear.received(caller.ear.clears[0]?.receivedBytes)).toHaveLength(0);
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

function expectNear(actualMs: number, expectedMs: number): void {
  expect(Math.abs(actualMs - expectedMs), `${actualMs} ms told, ${expectedMs} ms played`).toBeLessThanOrEqual(
    toleranceMs,
  );
}

/** After the clear comes the next answer, whole, and not a byte of anything else. */
async function expectAnswerAlone(stage: Stage, caller: CarrierCall, answerMs: number): Promise<void> {
  const cleared = caller.ear.clears.at(-1);
  expect(cleared).toBeDefined();
  await stage.until(
    'the next answer heard',
    () => caller.ear.playedMs > (cleared?.playedMs ?? 0) + answerMs - 0.01,
  );
  const model = stage.tap.session(0);
  const answer = model.agentAudio(model.deltas.at(-1)?.itemId);
  expect(caller.ear.received(cleared?.receivedBytes).equals(answer)).toBe(true);
  expect(caller.ear.clears.at(-1)).toBe(cleared);
}
