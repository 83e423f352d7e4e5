import { describe, expect, it } from 'vitest';
import { callerOffer, type MediaOffer } from '../../src/emulators/genesys/client-envelope.ts';
import { genesysDriver } from '../contract/drivers/genesys.ts';
import { call as driverCall, type GenesysCall } from '../contract/drivers/genesys-call.ts';
import { says } from '../contract/sounds.ts';
import { onGenesysStage } from './genesys-stage.ts';
import { hangUp, speak } from './habits.ts';

/** The rows of seed 002 (Genesys, TypeScript) in the merged drop-in contract, over the whole gateway. */

const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent' };

describe.concurrent('a Genesys flow finds what it had', () => {
  it('002 WS upgrade auth: whoever forges is told 401, and the next call is taken', async () => {
    await onGenesysStage(
      { env: agentFirst, script: [says({ ms: 150, seed: 1 })] },
      async ({ stage, call }) => {
        const forgers = genesysDriver.intruders.filter(({ turnedAway }) => turnedAway === 401);
        expect(forgers.length).toBeGreaterThan(15);
        const statuses = await Promise.all(
          forgers.map(({ attempt }) => attempt(stage.gateway.url, () => undefined, { env: {}, close: noop })),
        );
        expect(new Set(statuses)).toEqual(new Set([401]));
        expect((await call({ steps: [hangUp] }).run()).failure).toBeUndefined();
      },
    );
  });

  it.each([
    ['seq', 'Invalid client sequence number.', (it: GenesysCall) => ({ seq: it.nextSeq + 1 })],
    ['seq again', 'Invalid client sequence number.', (it: GenesysCall) => ({ seq: it.nextSeq - 1 })],
    ['serverseq', 'Invalid server sequence number.', () => ({ serverseq: 50 })],
    ['id', 'Invalid ID specified.', () => ({ id: '00000000-0000-4000-8000-000000000009' })],
  ])('002 envelope and sequence rules: %s -> disconnect error, "%s"', async (_field, info, changes) => {
    await onGenesysStage({}, async ({ stage }) => {
      const caller = await driverCall(stage.gateway.url, stage.watch.changed, true);
      caller.forged('ping', {}, changes(caller));
      // The client closes, and is answered in spite of all.
      expect(await caller.closed).toBe(1000);
      expect(caller.violations).toEqual([]);
      const disconnects = caller.messages.filter(({ type }) => type === 'disconnect');
      expect(disconnects).toMatchObject([{ reason: 'error', info }]);
      expect(caller.messages.at(-1)?.type).toBe('closed');
    });
  });

  it('002 open/opened: the first offer of µ-law at 8 kHz, word for word', async () => {
    const l16: MediaOffer = { ...callerOffer, format: 'L16' };
    const wide: MediaOffer = { ...callerOffer, rate: 16_000 };
    const second: MediaOffer = { ...callerOffer, channels: ['external', 'internal'] };
    await onGenesysStage({ env: agentFirst, script: [says({ ms: 150, seed: 2 })] }, async ({ call }) => {
      const record = await call({ media: [l16, wide, callerOffer, second], steps: [hangUp] }).run();
      expect(record.failure).toBeUndefined();
      expect(record.session?.media).toEqual(callerOffer);
      expect(record.stream?.violations).toEqual([]);
      const none = await call({ media: [l16, wide] }).run();
      expect(none.session?.disconnect).toMatchObject({ reason: 'error', info: 'No supported format found' });
    });
  });

  it('002 open/opened: in time however long the model takes, and nothing the caller says is lost', async () => {
    const slow = { faults: { handshakeDelayMs: 2500 }, script: [says({ ms: 200, seed: 3 })] };
    await onGenesysStage(slow, async ({ stage, call }) => {
      const record = await call({ steps: [speak, hangUp] }).run();
      expect((record.session?.openedAtMs ?? 0) - record.startedAtMs).toBeLessThan(1000);
      expect(record.failure).toBeUndefined();
      expect(record.stream?.missedSteps).toBe(0);
      expect(stage.eventsOf('caller-audio.lost')).toEqual([]);
    });
  });

  it('002 open/opened, 004 probe: it is answered, and makes no call', async () => {
    await onGenesysStage({}, async ({ stage, call }) => {
      const record = await call({ probe: true }).run();
      expect(record.failure).toBeUndefined();
      expect(record.session?.openedAtMs).toBeDefined();
      expect(record.session?.closedAtMs).toBeDefined();
      expect(record.stream?.violations).toEqual([]);
      expect(stage.eventsOf('call.started')).toEqual([]);
      expect(stage.tap.sessions).toEqual([]);
      expect(stage.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    });
  });

  it('002 open/opened: a second open ends the session', async () => {
    await onGenesysStage({}, async ({ stage }) => {
      const caller = await driverCall(stage.gateway.url, stage.watch.changed, true);
      caller.begin();
      await caller.closed;
      expect(caller.messages.filter(({ type }) => type === 'opened')).toHaveLength(1);
      expect(caller.messages.find(({ type }) => type === 'disconnect')).toMatchObject({ reason: 'error' });
    });
  });

  it('002 bot_turn_response, barge_in; 004 barge_in: the text as it was heard; a barge_in only while something sounds', async () => {
    const script = [
      says({ ms: 200, seed: 4, words: 'Good evening' }),
      says({ ms: 4000, seed: 5, words: 'one two three four five six seven eight' }),
      says({ ms: 200, seed: 6, words: 'Goodbye' }),
    ];
    await onGenesysStage({ env: agentFirst, script }, async ({ stage, call }) => {
      const record = await call({
        steps: [
          { ...speak, after: 'agent-finished', delayMs: 300 },
          { ...speak, after: 'agent-started', delayMs: 700 },
          hangUp,
        ],
      }).run();
      expect(record.failure).toBeUndefined();
      expect(record.stream?.violations).toEqual([]);
      expect(record.session?.bargeIns).toBe(1);
      const [cleared] = record.stream?.clears ?? [];
      expect(cleared?.stretchMs).toBeGreaterThan(500);
      const [truncation] = stage.emulator.sessions.flatMap((session) => session.record.truncations);
      expect(Math.abs((truncation?.audioEndMs ?? 0) - (cleared?.stretchMs ?? 0))).toBeLessThan(100);
      const [first, cut, last] = record.session?.botTurns ?? [];
      expect([first, last]).toMatchObject([
        { disposition: 'match', text: 'Good evening', confidence: 1 },
        { disposition: 'match', text: 'Goodbye' },
      ]);
      expect(cut?.text).toMatch(/^one/);
      expect(cut?.text).not.toContain('eight');
    });
  });

  it('002 dtmf: # ends; without it a pause does; the caller is heard again after it', async () => {
    const script = [says({ ms: 150, seed: 7 }), says({ ms: 150, seed: 8 }), says({ ms: 150, seed: 9 })];
    await onGenesysStage(
      { env: { PATCHCORD_DTMF_INTER_DIGIT_MS: '600' }, script },
      async ({ stage, call }) => {
        const record = await call({
          steps: [
            { do: 'digits', digits: '12#', atMs: 200 },
            { do: 'digits', digits: '34', after: 'agent-finished' },
            { ...speak, after: 'agent-finished' },
            hangUp,
          ],
        }).run();
        expect(record.failure).toBeUndefined();
        expect(record.stream?.missedSteps).toBe(0);
        const texts = JSON.stringify(stage.tap.session(0).askedFor('conversation.item.create'));
        expect(texts).toContain('1 2 on');
        expect(texts).not.toContain('#');
        expect(texts).toContain('3 4');
        expect(stage.tap.session(0).toldOf('response.done')).toHaveLength(3);
      },
    );
  });

  it('002 binary out: few and large messages, none over 64,000 bytes, of exactly what the model said', async () => {
    const script = [says({ ms: 20_000, seed: 10 })];
    await onGenesysStage({ env: agentFirst, script, pace: { speed: 40 } }, async ({ stage, call }) => {
      const made = call({ player: { keepAudio: true } });
      const running = made.run();
      await stage.until('the answer at Genesys', () => made.session?.record.audioMs === 20_000);
      made.hangUp();
      const record = await running;
      expect(record.stream?.violations).toEqual([]);
      expect(record.session?.longestAudioMs).toBeLessThanOrEqual(8000);
      expect(record.session?.audioMessages).toBeLessThan(25);
      const heard = Buffer.from(made.session?.line.player.playedAudio() ?? []);
      expect(heard.length).toBeGreaterThan(800);
      expect(stage.tap.session(0).agentAudio().subarray(0, heard.length).equals(heard)).toBe(true);
    });
  });

  it('002 close, ping, playback, update, paused, resumed, discarded, error: each its reply, and no noise in the log', async () => {
    await onGenesysStage(
      { env: agentFirst, script: [says({ ms: 400, seed: 11 })] },
      async ({ stage, call }) => {
        const made = call({ maxCallMs: 2500 });
        const running = made.run();
        await stage.until('opened', () => made.session?.record.openedAtMs !== undefined);
        made.session?.update('pt-BR');
        made.session?.pause();
        made.session?.resume();
        made.session?.error(400, 'odd');
        made.session?.message('discarded', { start: 'PT0S', discarded: 'PT.5S' });
        made.session?.message('of_tomorrow', { sky: 'blue' });
        const record = await running;
        expect(record.failure).toBeUndefined();
        expect(record.stream?.violations).toEqual([]);
        expect(record.session?.roundTripsMs.length).toBeGreaterThanOrEqual(2);
        expect(record.session?.updates).toBe(1);
        expect(record.session?.closedAtMs).toBeDefined();
        expect(record.session?.closedParameters).toEqual({});
        expect(stage.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
      },
    );
  });

  it('002 malformed JSON crashes nothing', async () => {
    await onGenesysStage({ script: [says({ ms: 150, seed: 12 })] }, async ({ stage, call }) => {
      const made = call({ steps: [{ ...speak, atMs: 300 }, hangUp] });
      const running = made.run();
      await stage.until('opened', () => made.session?.record.openedAtMs !== undefined);
      for (const frame of ['{"type":', 'null', '[[[[', '"ping"']) made.session?.line.send(frame);
      const record = await running;
      expect(record.failure).toBeUndefined();
      expect(record.stream?.missedSteps).toBe(0);
    });
  });

  it('002 GET /health', async () => {
    await onGenesysStage({}, async ({ stage }) => {
      const response = await fetch(`${stage.gateway.url}/health`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ status: 'healthy', timestamp: expect.any(String) });
    });
  });

  it('002 limits: the longest call and the longest silence end on the Success path, with their reason', async () => {
    const script = [says({ ms: 150, seed: 13 }), says({ ms: 150, seed: 14 }), says({ ms: 150, seed: 15 })];
    const oneSecond = { ...agentFirst, PATCHCORD_MAX_CALL_SECONDS: '1' };
    await onGenesysStage({ env: oneSecond, script }, async ({ call }) => {
      const record = await call().run();
      expect(record.session?.disconnect).toMatchObject({
        reason: 'completed',
        info: 'Session ended: max_duration',
        outputVariables: { end_call_reason: 'max_duration' },
      });
    });
    const silent = { ...agentFirst, PATCHCORD_NO_INPUT_MS: '1000', PATCHCORD_NO_INPUT_LIMIT: '1' };
    await onGenesysStage({ env: silent, script }, async ({ call }) => {
      const record = await call().run();
      expect(record.session?.disconnect).toMatchObject({
        reason: 'completed',
        info: 'Session ended: inactivity',
        outputVariables: { end_call_reason: 'inactivity' },
      });
    });
  });
});

const noop = (): Promise<void> => Promise.resolve();
