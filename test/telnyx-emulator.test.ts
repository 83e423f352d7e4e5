import { describe, expect, it } from 'vitest';
import { says } from './contract/sounds.ts';
import { fromNumber } from './drop-in/account-stage.ts';
import { agentFirst as env } from './drop-in/habits.ts';
import { onTelnyxStage } from './drop-in/telnyx-stage.ts';

const dial = { to: '+15550004444', carrier: 'telnyx' };
const goodbye = (ms: number) => says({ ms, seed: 1 }, { tool: 'end_call', callId: 'c' });

describe.concurrent('a Telnyx that shares no code with the carrier', () => {
  it('calls, hears the agent to its end, and is hung up', async () => {
    await onTelnyxStage({ env, script: [goodbye(300)] }, async ({ stage, telnyx }) => {
      const record = await telnyx.newCall({ maxCallMs: 8_000 }).run();
      expect(record).toMatchObject({ failure: undefined, notices: [], hangupSource: 'callee' });
      expect(record.stream).toMatchObject({ playedMs: 300, violationCount: 0, clears: [] });
      expect(record.commands.map(({ action }) => action)).toEqual(['answer', 'streaming_start', 'hangup']);
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
      await stage.empty();
    });
  });

  it('is dialled, picks up, and hears the agent', async () => {
    await onTelnyxStage({ env, script: [goodbye(200)] }, async ({ stage, telnyx, ask }) => {
      const { status, json } = await ask('POST', '/v1/calls', dial);
      expect(status).toBe(201);
      const [call] = telnyx.calls;
      expect(json).toMatchObject({ carrierCallId: call?.callControlId });
      await call?.over;
      const stream = { playedMs: 200, violationCount: 0 };
      expect(call?.record).toMatchObject({ failure: undefined, stream });
      expect(call).toMatchObject({ from: fromNumber, to: dial.to });
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
      await stage.empty();
    });
  });

  it.each(['busy', 'reject'] as const)('is dialled, and the answer is %s', async (what) => {
    await onTelnyxStage({ env, account: { answer: () => what } }, async ({ stage, ask }) => {
      await ask('POST', '/v1/calls', dial);
      expect((await stage.event('call.ended')).reason).toBe('busy');
      await stage.empty();
    });
  });

  it('takes keys, and a transfer', async () => {
    await onTelnyxStage({ env, script: [says({ ms: 2000, seed: 3 })] }, async ({ stage, telnyx, ask }) => {
      const running = telnyx.newCall({ maxCallMs: 8_000 }).run();
      const { callId } = await stage.event('turn.started');
      expect((await ask('POST', `/v1/calls/${callId}/digits`, { digits: '12#' })).status).toBe(200);
      const { json } = await ask('POST', `/v1/calls/${callId}/transfer`, { to: '+15550009999' });
      expect(json).toMatchObject({ transferred: true });
      const transferred = { failure: undefined, digits: '12#', transferredTo: '+15550009999' };
      expect(await running).toMatchObject(transferred);
      expect((await stage.event('call.ended')).reason).toBe('transferred');
      await stage.empty();
    });
  });

  it('hears an apology where the media is lost, and is hung up', async () => {
    await onTelnyxStage({ env, script: [says({ ms: 3000, seed: 4 })] }, async ({ stage, telnyx }) => {
      const record = await telnyx.newCall({ network: { dropAtMs: 300 }, speakMs: 50 }).run();
      expect(record).toMatchObject({ failure: 'the media socket was lost', hangupSource: 'callee' });
      expect(record.spoken).toHaveLength(1);
      expect((await stage.event('call.ended')).reason).toBe('carrier-lost');
      await stage.empty();
    });
  });
});
