import { describe, expect, it } from 'vitest';
import { says } from '../contract/sounds.ts';
import type { Stage } from '../contract/stage.ts';
import { fromNumber, to } from './account-stage.ts';
import { fromElsewhere, withKey } from './ask.ts';
import { agentFirst, hangUp } from './habits.ts';
import { instructionsOf } from './on-stage.ts';
import { dialled, heard, onTelnyxStage } from './telnyx-stage.ts';

/** The rows of seed 001 (Telnyx) about its REST, over the whole gateway. */

/** What the agent was asked to open the call with. */
function openingOf(stage: Stage): string {
  return JSON.stringify(stage.tap.session(0).askedFor('response.create')[0]);
}

describe.concurrent('a client of the Telnyx bridge finds its REST', () => {
  it('001 GET /api/health, /api/providers/status, /api/ai-calls/status: open, and what is set', async () => {
    await onTelnyxStage({}, async ({ stage, ask }) => {
      const health = await ask('GET', '/api/health', undefined, fromElsewhere);
      expect(health).toMatchObject({ status: 200, json: { ok: true } });
      expect(Date.parse((health.json as { ts: string }).ts)).toBeGreaterThan(0);
      expect((await ask('GET', '/api/providers/status')).json).toEqual({
        telnyx: {
          configured: true,
          reachable: true,
          info: { hasApiKey: true, fromNumberSet: true, outboundProfileSet: false, appIdSet: true },
        },
        elevenlabs: { configured: false, reachable: false, info: { hasApiKey: false, hasVoiceId: false } },
      });
      const status = {
        activeConnections: 0,
        telnyxConfigured: true,
        openaiConfigured: true,
        baseUrl: 'https://gw.example.com',
      };
      expect((await ask('GET', '/api/ai-calls/status')).json).toEqual({ success: true, status });
      for (const method of ['GET', 'POST'] as const) {
        expect(await ask(method, '/api/nothing')).toMatchObject({
          status: 404,
          json: { error: 'Not found' },
        });
      }
      expect(stage.liveCalls).toBe(0);
    });
  });

  it('001 POST /api/ai-calls/create: dials, and the model is really told the instructions', async () => {
    const script = [says({ ms: 200, seed: 1 })];
    await onTelnyxStage({ env: agentFirst, script, account: { callee: { steps: [hangUp] } } }, async (it) => {
      const { stage, telnyx, ask } = it;
      const instructions = 'Ask whether the tea has come.';
      const created = await ask('POST', '/api/ai-calls/create', { to, instructions });
      const [call] = telnyx.calls;
      expect(created).toMatchObject({
        status: 200,
        json: {
          success: true,
          call: { id: call?.callControlId, to, from: fromNumber, status: 'initiated', instructions },
        },
      });
      expect(telnyx.requests[0]).toMatchObject({
        method: 'POST',
        path: '/v2/calls',
        status: 200,
        body: {
          to,
          from: fromNumber,
          webhook_url: 'https://gw.example.com/api/webhooks/telnyx',
          connection_id: 'app-1',
        },
      });
      await call?.over;
      expect(call?.record).toMatchObject({ failure: undefined, notices: [] });
      expect(call?.record.stream).toMatchObject({ violations: [], missedSteps: 0, playedMs: 200 });
      expect(instructionsOf(stage)).toContain(instructions);
    });
  });

  it('001 POST /api/ai-calls/create: two calls have each their own instructions', async () => {
    const script = [says({ ms: 150, seed: 2 }), says({ ms: 150, seed: 3 })];
    await onTelnyxStage({ env: agentFirst, script, account: { callee: { steps: [hangUp] } } }, async (it) => {
      const { stage } = it;
      const [first, second] = [
        await dialled(it, { instructions: 'Sell tea.' }),
        await dialled(it, { instructions: 'Buy milk.' }),
      ];
      await Promise.all([first.over, second.over]);
      expect([instructionsOf(stage, 0), instructionsOf(stage, 1)].sort()).toEqual([
        expect.stringContaining('Buy milk.'),
        expect.stringContaining('Sell tea.'),
      ]);
    });
  });

  it('001 POST /api/ai-calls/create: without instructions the text that clients know', async () => {
    await onTelnyxStage({}, async ({ ask }) => {
      const { json } = await ask('POST', '/api/ai-calls/create', { to });
      expect(json).toMatchObject({ call: { instructions: 'Default AI assistant instructions' } });
    });
  });

  it.each([
    ['a number', {}, {}, "Missing 'to' number"],
    ['Telnyx', { TELNYX_API_KEY: '' }, { to }, 'Telnyx is not configured'],
    ['OpenAI', { OPENAI_API_KEY: '' }, { to }, 'OpenAI is not configured'],
  ])('001 POST /api/ai-calls/create: 400 without %s', async (_what, env, body, error) => {
    await onTelnyxStage({ env }, async ({ telnyx, ask }) => {
      expect(await ask('POST', '/api/ai-calls/create', body)).toMatchObject({ status: 400, json: { error } });
      expect(telnyx.calls).toEqual([]);
    });
  });

  it('001 POST /api/ai-calls/create, /api/calls/outbound: 500 when Telnyx does not take the call', async () => {
    await onTelnyxStage({ env: { TELNYX_API_KEY: 'another-key' } }, async ({ stage, ask }) => {
      expect(await ask('POST', '/api/ai-calls/create', { to })).toMatchObject({
        status: 500,
        json: { error: 'Failed to create call', details: expect.stringContaining('401') },
      });
      expect(await ask('POST', '/api/calls/outbound', { to })).toMatchObject({
        status: 500,
        json: { error: 'Internal error' },
      });
      expect(stage.liveCalls).toBe(0);
    });
  });

  it('001 POST /api/ai-calls/:callId/hangup: the phone call ends', async () => {
    const script = [says({ ms: 4000, seed: 4 })];
    await onTelnyxStage({ env: agentFirst, script }, async (it) => {
      const { stage, ask } = it;
      const call = await dialled(it);
      await heard(stage, call, 100);
      const path = `/api/ai-calls/${call.callControlId}/hangup`;
      expect(await ask('POST', path)).toMatchObject({
        status: 200,
        json: { success: true, message: 'Call hangup initiated' },
      });
      await call.over;
      expect(call.record.commands.at(-1)?.action).toBe('hangup');
      expect((await stage.event('call.ended')).reason).toBe('operator');
      expect((await ask('POST', path)).status).toBe(404);
    });
  });

  it('001 POST /api/ai-calls/:callId/interrupt: Telnyx is told to clear, the model what was heard', async () => {
    const script = [says({ ms: 4000, seed: 5 })];
    await onTelnyxStage({ env: agentFirst, script }, async (it) => {
      const { stage, ask } = it;
      const call = await dialled(it);
      await heard(stage, call, 400);
      expect(await ask('POST', `/api/ai-calls/${call.callControlId}/interrupt`)).toMatchObject({
        status: 200,
        json: { success: true, message: 'AI speech interrupted' },
      });
      await stage.until('a clear', () => call.stream?.record.clears.length === 1);
      const truncations = () => stage.emulator.sessions.flatMap(({ record }) => record.truncations);
      await stage.until('a truncation', () => truncations().length === 1);
      const [cleared] = call.stream?.record.clears ?? [];
      expect(truncations()[0]?.accepted).toBe(true);
      expect(Math.abs((truncations()[0]?.audioEndMs ?? 0) - (cleared?.stretchMs ?? 0))).toBeLessThan(100);
      expect(stage.liveCalls).toBe(1);
      call.hangUp();
      await call.over;
      expect(call.record.stream?.playedMs).toBe(cleared?.playedMs);
    });
  });

  it('001 hangup, interrupt, speak: 404 for a call that is not there', async () => {
    await onTelnyxStage({}, async ({ ask }) => {
      for (const path of ['/api/ai-calls/v3:none/hangup', '/api/ai-calls/v3:none/interrupt']) {
        const { status, json } = await ask('POST', path);
        expect([status, (json as { success?: boolean }).success]).toEqual([404, undefined]);
      }
      expect((await ask('POST', '/api/calls/v3:none/speak', { text: 'Hello' })).status).toBe(404);
    });
  });

  it('001 POST /api/calls/outbound: `say` is spoken first, through the connection that is named', async () => {
    const say = 'Your order is ready.';
    const script = [says({ ms: 300, seed: 6, words: say })];
    await onTelnyxStage(
      { script, account: { callee: { steps: [hangUp] } } },
      async ({ stage, telnyx, ask }) => {
        const answer = await ask('POST', '/api/calls/outbound', { to, connection_id: 'conn-7', say });
        const [call] = telnyx.calls;
        expect(answer).toMatchObject({
          status: 200,
          json: { ok: true, call: { call_control_id: call?.callControlId } },
        });
        expect(telnyx.requests[0]?.body).toMatchObject({ to, connection_id: 'conn-7' });
        await call?.over;
        expect(openingOf(stage)).toContain(say);
        expect(call?.record.stream).toMatchObject({ violations: [], missedSteps: 0, playedMs: 300 });
        expect(await ask('POST', '/api/calls/outbound', {})).toMatchObject({
          status: 400,
          json: { error: "Missing 'to' number" },
        });
      },
    );
  });

  it('001 POST /api/calls/:id/speak: the agent says it in the call', async () => {
    const script = [says({ ms: 150, seed: 7 }), says({ ms: 250, seed: 8 })];
    await onTelnyxStage({ env: agentFirst, script }, async (it) => {
      const { stage, ask } = it;
      const call = await dialled(it);
      await heard(stage, call, 150);
      const path = `/api/calls/${call.callControlId}/speak`;
      expect(await ask('POST', path, { text: 'One moment.', voice: 'male' })).toMatchObject({
        status: 200,
        json: { ok: true, result: expect.anything() },
      });
      await heard(stage, call, 400);
      expect(JSON.stringify(stage.tap.session(0).askedFor('response.create')[1])).toContain('One moment.');
      expect(await ask('POST', path, {})).toMatchObject({ status: 400, json: { error: "Missing 'text'" } });
      call.hangUp();
      await call.over;
    });
  });

  it('001 REST: from elsewhere it needs a key, and nothing is dialled without', async () => {
    await onTelnyxStage({}, async ({ telnyx, ask }) => {
      for (const path of [
        '/api/ai-calls/create',
        '/api/calls/outbound',
        '/api/ai-calls/v3:none/hangup',
        '/api/ai-calls/v3:none/interrupt',
        '/api/calls/v3:none/speak',
      ]) {
        expect([path, (await ask('POST', path, { to }, fromElsewhere)).status]).toEqual([path, 401]);
      }
      for (const path of ['/api/ai-calls/status', '/api/providers/status']) {
        expect([path, (await ask('GET', path, undefined, fromElsewhere)).status]).toEqual([path, 401]);
      }
      expect(telnyx.requests).toEqual([]);
      expect((await ask('POST', '/api/ai-calls/create', { to }, withKey)).status).toBe(200);
    });
  });
});
