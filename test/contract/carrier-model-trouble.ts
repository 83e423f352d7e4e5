import { expect } from 'vitest';
import { loadPhrase } from '../../src/agents/phrases.ts';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { samenessOf } from './sameness.ts';
import { type Scene, scene } from './scene.ts';
import { says, turn } from './sounds.ts';

/** The model fails: the call survives, or the caller is told so and the call ends in order. Never dead air. */
export function modelTroubleCases<Call extends CarrierCall, Ready extends Prepared>(
  driver: CarrierDriver<Call, Ready>,
): void {
  const { receives, sends, goodbyeCode } = driver.traits;
  const same = samenessOf(driver.traits);
  const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent', PATCHCORD_GREETING: 'Good evening' };
  const apology = loadPhrase('apology', '').audio(sends).bytes();

  scene(
    'goes on with another session when the model is lost in the middle of an answer',
    driver,
    {
      env: agentFirst,
      faultsFor: (number) => (number === 1 ? { dropAfterAudioMs: 500 } : {}),
      script: [
        says({ ms: 200, seed: 1, words: 'Good evening' }),
        says({ ms: 1000, seed: 2, words: 'this answer will be lost on the way' }),
        says({ ms: 250, seed: 3 }),
      ],
    },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('the greeting heard', () => same.hasHeard(caller.ear, 200));
      caller.send(turn(receives, 300));
      await stage.until('a second session', () => stage.tap.sessions.length === 2);
      const [lost, resumed] = [stage.tap.session(0), stage.tap.session(1)];
      await stage.until('the new answer generated', () => resumed.toldOf('response.done').length === 1);
      const expected = Buffer.concat([lost.agentAudio(), resumed.agentAudio()]);
      await stage.until('all heard', () => same.hasHeardAll(caller.ear, expected));
      same.expectHeard(caller.ear.heard(), expected);
      const history = resumed.askedFor('conversation.item.create').map(({ item }) => item);
      expect(history.slice(0, 2)).toMatchObject([
        { role: 'assistant', content: [{ type: 'output_text', text: 'Good evening' }] },
        { role: 'user', content: [{ type: 'input_text', text: 'words of the caller' }] },
      ]);
      expect(stage.warnings('PATCHCORD_MODEL_LOST').length).toBeGreaterThan(0);
      expect(stage.liveCalls).toBe(1);
      // The caller was heard by the new model too.
      const words = turn(receives, 260, 9);
      caller.send(words);
      await stage.until('the caller heard again', () => same.hasReached(resumed, words));
      same.expectReached(resumed, words);
    },
  );

  scene(
    'keeps what the caller says while the model is away',
    driver,
    {
      faultsFor: (number) => (number === 1 ? { dropAfterAudioMs: 100 } : { handshakeDelayMs: 300 }),
      script: [says({ ms: 400, seed: 4 }), says({ ms: 100, seed: 5 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      caller.send(turn(receives, 300));
      await stage.until('the model lost', () =>
        stage.eventsOf('model.state').some(({ to }) => to === 'resuming'),
      );
      const words = turn(receives, 400, 6);
      caller.send(words);
      await stage.until('the new session has all of it', () => same.hasReached(stage.tap.sessions[1], words));
      same.expectReached(stage.tap.session(1), words);
      expect(stage.eventsOf('caller-audio.lost')).toEqual([]);
    },
  );

  scene(
    'tries again while the phone waits, and nobody notices',
    driver,
    {
      env: agentFirst,
      faultsFor: (number) => (number <= 2 ? { handshakeStatus: 503 } : {}),
      script: [says({ ms: 200, seed: 7 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.until('the greeting heard', () => same.hasHeard(caller.ear, 200));
      expect(stage.emulator.handshakes).toBe(3);
    },
  );

  /** An apology, heard to its end, and then an orderly hang-up. */
  async function expectApology({ stage, call }: Scene<Call, Ready>, code: string): Promise<void> {
    const caller = await call();
    expect(await caller.closed).toBe(goodbyeCode);
    same.expectLastWords(caller.ear.heard(), apology);
    const { reason } = await stage.event('call.ended');
    expect(reason).toBe('model-failed');
    expect(stage.eventsOf('error').map((error) => [error.code, error.fatal])).toContainEqual([code, true]);
  }

  scene(
    'apologises and hangs up in order when no model can be reached',
    driver,
    {
      env: { PATCHCORD_MODEL_CONNECT_BOUND_MS: '1000' },
      faults: { handshakeStatus: 500 },
    },
    (it) => expectApology(it, 'PATCHCORD_MODEL_UNREACHABLE'),
  );

  scene(
    'apologises at once when the model rejects the key',
    driver,
    { faults: { handshakeStatus: 401 } },
    async (it) => {
      await expectApology(it, 'PATCHCORD_MODEL_AUTH');
      expect(it.stage.emulator.handshakes).toBe(1);
    },
  );

  scene(
    'survives nonsense from the model',
    driver,
    { script: [says({ ms: 200, seed: 8 })] },
    async ({ stage, call }) => {
      const caller = await call();
      await stage.event('model.state', 2);
      const model = stage.tap.session(0);
      model.inject('{"type":');
      model.inject(Buffer.from([1, 2, 3]), true);
      model.inject('{"type":"response.output_audio.delta","item_id":7,"delta":"???"}');
      model.inject('{"type":"of.tomorrow"}');
      caller.send(turn(receives, 300));
      await stage.until('the answer heard', () => same.hasHeard(caller.ear, 200));
      same.expectHeard(caller.ear.heard(), model.agentAudio());
      expect(stage.eventsOf('error').every(({ fatal }) => !fatal)).toBe(true);
    },
  );
}
