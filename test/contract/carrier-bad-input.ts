import { expect } from 'vitest';
import type { CallEvent } from '../../src/call/events.ts';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { samenessOf } from './sameness.ts';
import { type Scene, scene } from './scene.ts';
import { hush, says } from './sounds.ts';

/** What a live call would tell if another one had disturbed it. */
const disturbances: readonly CallEvent['type'][] = [
  'error',
  'barge-in',
  'speech.started',
  'playout.underrun',
  'caller-audio.lost',
  'call.ended',
];

/** Broken peers and intruders: each is turned away with its code, and another live call notices nothing. */
export function badInputCases<Call extends CarrierCall, Ready extends Prepared>(
  driver: CarrierDriver<Call, Ready>,
): void {
  const { receives, clears } = driver.traits;
  /** Where we pace the audio ourselves, a hole tells that the process of all these tests was busy. */
  const disturbing = disturbances.filter((type) => clears || type !== 'playout.underrun');
  const same = samenessOf(driver.traits);
  const options = {
    env: { PATCHCORD_FIRST_SPEAKER: 'agent' },
    // In one piece, so that a hole in it is not the model's.
    pace: { deltaMs: 600 },
    script: [says({ ms: 600, seed: 1 })],
  };

  /** Plays `attack` in the middle of a live call that talks and listens, and holds that call to every byte. */
  async function besideLiveCall(
    { stage, call }: Scene<Call, Ready>,
    attack: () => Promise<void>,
  ): Promise<void> {
    const bystander = await call();
    const said = [hush(receives, 200, 1), hush(receives, 200, 2), hush(receives, 200, 3)] as const;
    bystander.send(said[0]);
    await stage.until('some of the greeting heard', () => bystander.ear.playedMs >= 60);
    const { callId } = await stage.event('call.started');
    const model = stage.tap.session(0);
    bystander.send(said[1]);
    await attack();
    bystander.send(said[2]);
    await stage.until('the whole greeting heard', () => same.hasHeard(bystander.ear, 600));
    const all = Buffer.concat(said);
    await stage.until('all its audio at the model', () => same.hasReached(model, all));
    same.expectReached(model, all);
    same.expectHeard(bystander.ear.heard(), model.agentAudio());
    expect(bystander.closeCode).toBeUndefined();
    const disturbed = stage.events.filter(
      (event) => event.callId === callId && disturbing.includes(event.type),
    );
    expect(disturbed).toEqual([]);
  }

  for (const bad of driver.badInput) {
    const fate = bad.closes === 'goes-on' ? 'passes over' : `closes with ${bad.closes} after`;
    scene(`${fate} ${bad.name} (${bad.when})`, driver, options, (it) =>
      besideLiveCall(it, async () => {
        const { stage } = it;
        const culprit = bad.when === 'live' ? await it.call() : await it.silentCall();
        if (bad.when === 'live') {
          await stage.until(
            'the second call live',
            () => stage.eventsOf('call.state').filter(({ to }) => to === 'live').length === 2,
          );
        }
        bad.send(culprit);
        await stage.until(`a warning with ${bad.code}`, () => stage.warnings(bad.code).length > 0);
        expect(stage.warnings(bad.code).some(({ level }) => level === 'warn')).toBe(true);
        if (bad.closes === 'goes-on') {
          const words = hush(receives, 100, 7);
          culprit.send(words);
          await stage.until('its audio at the model', () => same.isReached(stage.tap.sessions[1], words));
          expect(culprit.closeCode).toBeUndefined();
          return;
        }
        expect(await culprit.closed).toBe(bad.closes);
        if (bad.when !== 'live') return;
        expect((await stage.event('call.ended')).reason).toBe('carrier-failed');
        const lines = stage.warnings(bad.code);
        const errors = lines.filter(({ level }) => level === 'error');
        expect(lines.filter(({ level, fields }) => level === 'warn' && fields.closed !== false)).toHaveLength(
          1,
        );
        expect(errors.map(({ message }) => message)).toEqual(['call ended']);
      }),
    );
  }

  for (const odd of driver.oddities) {
    scene(`takes ${odd.name}`, driver, {}, async ({ stage, call }) => {
      const caller = await call();
      const audio = hush(receives, 20, 4);
      odd.send(caller, audio);
      const after = hush(receives, 100, 5);
      caller.send(after);
      const all = Buffer.concat([audio, after]);
      await stage.until('the audio at the model', () => same.hasReached(stage.tap.sessions[0], all));
      same.expectReached(stage.tap.session(0), all);
      expect(stage.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    });
  }

  for (const intruder of driver.intruders) {
    scene(`turns away ${intruder.name} with ${intruder.turnedAway}`, driver, options, (it) =>
      besideLiveCall(it, async () => {
        const { stage } = it;
        const { url } = stage.gateway;
        expect(await intruder.attempt(url, stage.watch.changed, it.prepared)).toBe(intruder.turnedAway);
        await stage.until(`a warning with ${intruder.code}`, () => stage.warnings(intruder.code).length > 0);
      }),
    );
  }
}
