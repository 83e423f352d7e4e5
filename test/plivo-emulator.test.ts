import { describe, expect, it } from 'vitest';
import { says } from './contract/sounds.ts';
import { agentFirst as env } from './drop-in/habits.ts';
import { onPlivoStage } from './drop-in/plivo-stage.ts';

const account = { hangupUrl: '/callbacks' };
const dial = { to: '+15550004444', carrier: 'plivo' };
const goodbye = (ms: number) => says({ ms, seed: 1 }, { tool: 'end_call', callId: 'c' });

describe.concurrent('a Plivo that shares no code with the carrier', () => {
  it('calls, hears the agent to its end, and is hung up', async () => {
    await onPlivoStage({ env, account, script: [goodbye(300)] }, async ({ stage, plivo }) => {
      const record = await plivo.newCall({ maxCallMs: 8_000 }).run();
      expect(record).toMatchObject({ failure: undefined, notices: [], status: 'completed' });
      expect(record.stream).toMatchObject({ playedMs: 300, violationCount: 0, clears: [] });
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
      await stage.empty();
    });
  });

  it('is dialled, picks up, and hears the agent', async () => {
    await onPlivoStage({ env, account, script: [goodbye(200)] }, async ({ stage, plivo, ask }) => {
      expect((await ask('POST', '/v1/calls', dial)).status).toBe(201);
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
      const [call] = plivo.calls;
      await call?.over;
      const stream = { playedMs: 200, violationCount: 0 };
      expect(call?.record).toMatchObject({ failure: undefined, stream });
      await stage.empty();
    });
  });

  it('is dialled and is busy', async () => {
    await onPlivoStage({ env, account: { ...account, answer: () => 'busy' } }, async ({ stage, ask }) => {
      await ask('POST', '/v1/calls', dial);
      expect((await stage.event('call.ended')).reason).toBe('busy');
      await stage.empty();
    });
  });

  it('takes keys, and a transfer', async () => {
    const script = [says({ ms: 2000, seed: 3 })];
    await onPlivoStage({ env, account, script }, async ({ stage, plivo, ask }) => {
      const running = plivo.newCall({ maxCallMs: 8_000 }).run();
      const { callId } = await stage.event('turn.started');
      expect((await ask('POST', `/v1/calls/${callId}/digits`, { digits: '12#' })).status).toBe(200);
      const { json } = await ask('POST', `/v1/calls/${callId}/transfer`, { to: '+15550009999' });
      expect(json).toMatchObject({ transferred: true });
      const record = await running;
      expect(record).toMatchObject({ failure: undefined, dialledTo: ['15550009999'] });
      expect(record.stream?.digitsReceived).toBe('12#');
      expect((await stage.event('call.ended')).reason).toBe('transferred');
      await stage.empty();
    });
  });

  it('goes on to its hang-up where the media is lost', async () => {
    const script = [says({ ms: 3000, seed: 4 })];
    await onPlivoStage({ env, account, script }, async ({ stage, plivo }) => {
      const record = await plivo.newCall({ network: { dropAtMs: 300 } }).run();
      const failure = 'the media socket was lost';
      expect(record).toMatchObject({ failure, verbs: [{}, { verb: 'hangup' }] });
      expect((await stage.event('call.ended')).reason).toBe('carrier-lost');
      await stage.empty();
    });
  });
});
