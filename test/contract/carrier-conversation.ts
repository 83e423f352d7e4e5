import { expect } from 'vitest';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { samenessOf } from './sameness.ts';
import { scene } from './scene.ts';
import { hush, says, speech, turn } from './sounds.ts';

/** Who hears what: both directions byte for byte, keys, tools. */
export function conversationCases<Call extends CarrierCall, Ready extends Prepared>(
  driver: CarrierDriver<Call, Ready>,
): void {
  const { receives } = driver.traits;
  const same = samenessOf(driver.traits);
  const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent', PATCHCORD_GREETING: 'Good evening' };

  scene(
    'is answered, and the caller hears the greeting to its last byte',
    driver,
    { env: agentFirst, script: [says({ ms: 330, seed: 1, words: 'Good evening' })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('the greeting heard', () => same.hasHeard(caller.ear, 330));
      const model = stage.tap.session(0);
      same.expectHeard(caller.ear.heard(), model.agentAudio());
      const [asked] = model.askedFor('response.create');
      expect(JSON.stringify(asked)).toContain('Good evening');
      const { turn: agentTurn } = await stage.event('turn.ended');
      expect(agentTurn).toMatchObject({ role: 'agent', heardText: 'Good evening', heardMs: 330 });
    },
  );

  scene(
    'gives the model every byte of the caller in order, from the first frame on',
    driver,
    { faults: { handshakeDelayMs: 300 }, script: [says({ ms: 200, seed: 2 })] },
    async ({ stage, call }) => {
      const early = Buffer.concat([hush(receives, 100, 3), turn(receives, 400, 3)]);
      const later = hush(receives, 300, 4);
      const caller = await call();
      caller.send(early);
      await stage.until('the model there', () => stage.tap.sessions.length === 1);
      caller.send(later);
      const model = stage.tap.session(0);
      const all = Buffer.concat([early, later]);
      await stage.until('all caller audio at the model', () => same.hasReached(model, all));
      same.expectReached(model, all);
      // What was said before the model was there is answered.
      await stage.until('the answer heard', () => same.hasHeard(caller.ear, 200));
      expect(stage.eventsOf('caller-audio.lost')).toEqual([]);
    },
  );

  scene(
    'lets the caller hear every byte of an answer, whatever sizes the model sends it in',
    driver,
    { faults: { deltaMs: 70 }, script: [says({ ms: 900, seed: 5 }, { ms: 150, seed: 6 })] },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      await stage.until('the answer heard', () => same.hasHeard(caller.ear, 1050));
      same.expectHeard(caller.ear.heard(), stage.tap.session(0).agentAudio());
      expect(caller.ear.clears).toEqual([]);
      expect(stage.eventsOf('barge-in')).toEqual([]);
    },
  );

  scene(
    'carries on over several turns, each answer heard to its end',
    driver,
    // Whole frames of any carrier, so that nothing comes between the answers.
    { script: [says({ ms: 160, seed: 7 }), says({ ms: 160, seed: 8 }), says({ ms: 160, seed: 9 })] },
    async ({ stage, call }) => {
      const caller = await call();
      const said: Buffer[] = [];
      for (const count of [1, 2, 3]) {
        const words = turn(receives, 260, count);
        said.push(words);
        caller.send(words);
        await stage.until(`answer ${count} heard`, () => same.hasHeard(caller.ear, count * 160));
      }
      const model = stage.tap.session(0);
      same.expectHeard(caller.ear.heard(), model.agentAudio());
      same.expectReached(model, Buffer.concat(said));
      expect(model.askedFor('conversation.item.truncate')).toEqual([]);
    },
  );

  if (driver.traits.digits === true) {
    scene(
      'tells the model the keys that were pressed, and observers each of them',
      driver,
      { script: [says({ ms: 120, seed: 10 })] },
      async ({ stage, call }) => {
        const caller = await call();
        await stage.event('model.state', 2);
        caller.press('4');
        caller.press('2');
        caller.press('#');
        await stage.until('the answer to the keys', () => same.hasHeard(caller.ear, 120));
        expect(stage.eventsOf('digit').map(({ digit }) => digit)).toEqual(['4', '2', '#']);
        const model = stage.tap.session(0);
        const [text, request] = model.asked.filter(({ type }) => type !== 'session.update');
        expect(text?.type).toBe('conversation.item.create');
        expect(JSON.stringify(text)).toContain('pressed 4 2 on');
        expect(request?.type).toBe('response.create');
      },
    );
  }

  scene(
    'gives the results of all tools of a response together, then asks once for an answer',
    driver,
    {
      script: [
        says({ tool: 'first_tool', callId: 'call_a' }, { tool: 'second_tool', callId: 'call_b' }),
        says({ ms: 140, seed: 11 }),
      ],
    },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      await stage.until('the answer heard', () => same.hasHeard(caller.ear, 140));
      const asked = stage.tap.session(0).asked.filter(({ type }) => type !== 'session.update');
      expect(asked.map(({ type }) => type)).toEqual([
        'conversation.item.create',
        'conversation.item.create',
        'response.create',
      ]);
      expect(asked.slice(0, 2).map(({ item }) => item)).toMatchObject([
        { type: 'function_call_output', call_id: 'call_a' },
        { type: 'function_call_output', call_id: 'call_b' },
      ]);
      expect(stage.eventsOf('tool.finished').map(({ name, ok }) => [name, ok])).toEqual([
        ['first_tool', false],
        ['second_tool', false],
      ]);
    },
  );

  scene(
    'keeps two calls apart',
    driver,
    { script: [says({ ms: 200, seed: 12 }), says({ ms: 200, seed: 13 })] },
    async ({ stage, call }) => {
      const [one, two] = [await call(), await call()];
      await stage.until('both models there', () => stage.tap.sessions.length === 2);
      const words = [speech(receives, 300, 21), speech(receives, 300, 22)] as const;
      one.send(words[0]);
      two.send(words[1]);
      const ends = [hush(receives, 320, 21), hush(receives, 320, 22)] as const;
      one.send(ends[0]);
      two.send(ends[1]);
      await stage.until('both answered', () => [one, two].every(({ ear }) => same.hasHeard(ear, 200)));
      const expected = [Buffer.concat([words[0], ends[0]]), Buffer.concat([words[1], ends[1]])] as const;
      const sessions = [stage.tap.session(0), stage.tap.session(1)] as const;
      // Which session belongs to which call is told by what was said in it.
      const order = same.isReached(sessions[0], expected[0]) ? [0, 1] : [1, 0];
      for (const [at, caller] of [one, two].entries()) {
        const session = stage.tap.session(order[at] ?? 0);
        same.expectReached(session, expected[at] ?? Buffer.alloc(0));
        same.expectHeard(caller.ear.heard(), session.agentAudio());
      }
    },
  );
}
