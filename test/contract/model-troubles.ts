import { expect } from 'vitest';
import { type Dialogue, dialogue } from './dialogue.ts';
import type { ModelDriver, Trouble } from './model-driver.ts';
import { says, turn } from './sounds.ts';

/** Every fault of the family's server, and what the call is told of it. */
export function modelTroubles<Faults>(driver: ModelDriver<Faults>): void {
  for (const trouble of driver.troubles) {
    const { faults, after } = trouble;
    const script = [says({ ms: 600, seed: 1 }), says({ ms: 300, seed: 2 })];
    dialogue(
      `${outcomes[trouble.effect]} ${trouble.name}`,
      driver,
      { faults, script, mayReject: trouble.effect === 'stalled' },
      async (it) => {
        if (after === 'turn') {
          await it.until('ready', () => it.told('ready').length === 1);
          it.say(turn(it.format, 300));
        }
        await effects[trouble.effect](it, trouble);
      },
      false,
    );
  }
}

type Effect = Trouble<unknown>['effect'];

const outcomes: Readonly<Record<Effect, string>> = {
  fatal: 'ends, once, with',
  passing: 'tells of, and survives,',
  response: 'tells of, and answers again after,',
  stalled: 'can give up, and go on after,',
  none: 'does not mind',
};

const effects: Readonly<Record<Effect, (it: Dialogue, trouble: Trouble<unknown>) => Promise<void>>> = {
  async fatal(it, { code, details }) {
    await it.until('the end', () => it.told('failed').some(([, fatal]) => fatal === true), 3000);
    expect(it.told('failed').at(-1)).toEqual([code, true]);
    if (details !== undefined) expect(it.call.errors.at(-1)?.details).toMatchObject(details);
    await it.until('no session left at the server', () => it.server.liveSessions === 0);
    expect(it.told('failed').filter(([, fatal]) => fatal === true)).toHaveLength(1);
    expect(it.call.told.at(-1)?.[0]).toBe('failed');
  },
  async passing(it, { code, details }) {
    await it.until('the error', () => it.told('failed').length === 1);
    expect(it.told('failed')).toEqual([[code, false]]);
    if (details !== undefined) expect(it.call.errors.at(-1)?.details).toMatchObject(details);
    await expectAnswer(it, 1);
  },
  async response(it, { code, details }) {
    await it.until('the failure', () => it.told('responseDone').length === 1);
    expect(it.told('responseDone')[0]?.[0]).toMatchObject({ status: 'failed', error: code });
    if (details !== undefined) expect(it.call.errors.at(-1)?.details).toMatchObject(details);
    it.session.requestResponse({ requestId: 'again' });
    await expectAnswer(it, 2);
  },
  async stalled(it) {
    await it.until('some audio', () => it.heard().length >= it.format.sampleRate / 5);
    const [responseId] = it.told('responseStarted')[0] ?? [];
    const [itemId = ''] = it.items();
    expect(it.told('responseDone')).toEqual([]);
    const cut = { responseId: String(responseId), itemId, contentIndex: 0, heardMs: 100, generatedMs: 200 };
    it.session.interrupt({ cancel: cut.responseId, items: [cut] });
    await it.until('the memory trimmed', () => it.server.remembers(itemId) === 100);
    it.session.requestResponse({ requestId: 'again' });
    await it.until('another response', () => it.told('responseStarted').length === 2);
    expect(it.told('failed').filter(([, fatal]) => fatal === true)).toEqual([]);
  },
  none: (it) => expectAnswer(it, 1),
};

async function expectAnswer(it: Dialogue, responses: number): Promise<void> {
  await it.until('the answer', () => it.told('responseDone').length === responses);
  expect(it.told('responseDone').at(-1)?.[0]).toMatchObject({ status: 'completed' });
  expect(it.heard().length).toBeGreaterThan(0);
  expect(it.heard().equals(it.server.agentAudio())).toBe(true);
}
