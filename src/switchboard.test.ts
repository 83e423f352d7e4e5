import { describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from './base/logger.ts';
import { VirtualClock } from './base/virtual-clock.ts';
import type { ModelSession, SessionOptions, SpeechModel } from './call/model-session.ts';
import { FakeLeg } from './call/testing/fake-leg.ts';
import type { Tool } from './call/tools.ts';
import { loadSettings } from './config/environment.ts';
import { Switchboard } from './switchboard.ts';

const tool = (name: string, description: string): Tool => ({
  name,
  description,
  parameters: { type: 'object', properties: {} },
  run: async () => description,
});

/** A model whose sessions say nothing; it writes down what they were opened with. */
function deafModel(opened: SessionOptions[]): SpeechModel {
  return {
    name: 'deaf',
    open(options) {
      opened.push(options);
      const format = { encoding: 'pcm16', sampleRate: 24_000 } as const;
      const session: Partial<ModelSession> = { receives: format, sends: format, close: () => undefined };
      return session as ModelSession;
    },
  };
}

describe('calls that are cut short', () => {
  it('are hung up without a goodbye, and waited for no longer than half a second', async () => {
    const clock = new VirtualClock();
    const warnings: object[] = [];
    const log: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields), child: () => log };
    const switchboard = await Switchboard.create({
      settings: loadSettings({}),
      clock,
      log,
      model: deafModel([]),
      peerRefused: () => undefined,
      callRefused: () => undefined,
      lookUp: () => Promise.resolve({}),
    });
    const legs = [new FakeLeg({ clock }), new FakeLeg({ clock })];
    for (const leg of legs) switchboard.accept(leg);
    const deaf = legs[1];
    if (deaf) deaf.confirmsHangUp = false;
    let over = false;
    const cut = switchboard.cutShort().then(() => {
      over = true;
    });
    expect(legs.map(({ hangUps }) => hangUps)).toEqual([['drain'], ['drain']]);
    expect(warnings).toEqual([{ liveCalls: 2 }]);
    await clock.advanceAsync(499);
    expect(over).toBe(false);
    await clock.advanceAsync(1);
    await cut;
    await clock.advanceAsync(5000);
  });
});

describe('the tools of a call', () => {
  it('are those of every call, those looked up for this one, and those of its carrier', async () => {
    const clock = new VirtualClock();
    const opened: SessionOptions[] = [];
    const switchboard = await Switchboard.create({
      settings: loadSettings({}),
      clock,
      log: silentLogger,
      model: deafModel(opened),
      tools: [tool('hours', 'ours'), tool('stock', 'ours'), tool('price', 'ours')],
      peerRefused: () => undefined,
      callRefused: () => undefined,
      lookUp: () => Promise.resolve({}),
    });
    const leg = new FakeLeg({ clock });
    switchboard.accept(leg, {
      overrides: {
        tools: [tool('stock', 'looked up'), tool('price', 'looked up'), tool('book', 'looked up')],
      },
      tools: [tool('price', "the carrier's")],
    });
    leg.events.answered();
    const known = opened[0]?.tools.map(({ name, description }) => `${name}: ${description}`);
    expect(known).toEqual([
      expect.stringMatching(/^end_call/),
      'hours: ours',
      'stock: looked up',
      "price: the carrier's",
      'book: looked up',
    ]);
    for (const call of switchboard.directory.calls()) call.end('drain');
  });
});
