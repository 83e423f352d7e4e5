import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Access } from './access.ts';
import { type AiCallsSettings, registerAiCalls } from './ai-calls.ts';
import { snapshotOf } from './test-fixtures.ts';

const configured: AiCallsSettings = {
  hasApiKey: true,
  fromNumber: '+15550001111',
  hasAppId: true,
  hasOutboundProfile: false,
  apiBaseUrl: 'http://127.0.0.1:9/v2',
  hasModel: true,
  publicUrl: 'https://gw.example.com',
};

const apps: FastifyInstance[] = [];

function setUp(settings: Partial<AiCallsSettings> = {}, dialFails?: PatchcordError) {
  const done: string[] = [];
  const dialled: unknown[][] = [];
  const app = Fastify();
  apps.push(app);
  registerAiCalls(app, {
    access: new Access({ clock: new VirtualClock(), keys: ['the-key'] }),
    calls: {
      find: (id) =>
        id === 'v3:abc'
          ? {
              snapshot: () => snapshotOf('a'),
              interrupt: () => {
                done.push('interrupt');
                return true;
              },
              say: (text) => {
                done.push(`say ${text}`);
                return true;
              },
              sendDigits: () => undefined,
              canTransfer: false,
              transfer: () => undefined,
              end: () => done.push('end'),
            }
          : undefined,
      snapshots: () => [snapshotOf('a', { carrier: 'telnyx' }), snapshotOf('b')],
    },
    dialling: {
      dial: async (...given) => {
        dialled.push(given);
        if (dialFails) throw dialFails;
        return { callId: 'call-1', carrierCallId: 'v3:new', carrier: 'telnyx' };
      },
    },
    log: silentLogger,
    settings: { ...configured, ...settings },
    now: () => '2026-01-01T00:00:00.000Z',
  });
  const ask = (method: 'GET' | 'POST', url: string, payload?: object, host = 'localhost') =>
    app.inject({ method, url, headers: { host }, ...(payload === undefined ? {} : { payload }) });
  return { ask, done, dialled };
}

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

describe('001 REST routes of the replaced Telnyx bridge', () => {
  it('001 GET /api/health is open to all', async () => {
    const reply = await setUp().ask('GET', '/api/health', undefined, 'gw.example.com');
    expect([reply.statusCode, reply.json()]).toEqual([200, { ok: true, ts: '2026-01-01T00:00:00.000Z' }]);
  });

  it('001 everything else asks for a key', async () => {
    const { ask } = setUp();
    for (const [method, url] of [
      ['GET', '/api/providers/status'],
      ['GET', '/api/ai-calls/status'],
      ['POST', '/api/ai-calls/create'],
      ['POST', '/api/ai-calls/v3:abc/hangup'],
      ['POST', '/api/ai-calls/v3:abc/interrupt'],
      ['POST', '/api/calls/outbound'],
      ['POST', '/api/calls/v3:abc/speak'],
    ] as const) {
      const reply = await ask(
        method,
        url,
        method === 'POST' ? { to: '+15551230100' } : undefined,
        'gw.example.com',
      );
      expect([url, reply.statusCode]).toEqual([url, 401]);
    }
  });

  it('001 POST /api/ai-calls/create really uses the instructions', async () => {
    const { ask, dialled } = setUp();
    const reply = await ask('POST', '/api/ai-calls/create', { to: '+15551230100', instructions: 'Be kind.' });
    expect([reply.statusCode, reply.json()]).toEqual([
      200,
      {
        success: true,
        call: {
          id: 'v3:new',
          callId: 'call-1',
          to: '+15551230100',
          from: '+15550001111',
          status: 'initiated',
          instructions: 'Be kind.',
        },
      },
    ]);
    expect(dialled).toEqual([['+15551230100', { instructions: 'Be kind.' }, 'telnyx']]);
    const plain = await ask('POST', '/api/ai-calls/create', { to: '+15551230100' });
    expect(plain.json().call.instructions).toBe('Default AI assistant instructions');
  });

  it('001 POST /api/ai-calls/create is 400 without a number, Telnyx or OpenAI', async () => {
    const without = async (settings: Partial<AiCallsSettings>, body: object) => {
      const reply = await setUp(settings).ask('POST', '/api/ai-calls/create', body);
      return [reply.statusCode, reply.json().error];
    };
    expect(await without({}, {})).toEqual([400, "Missing 'to' number"]);
    const body = { to: '+15551230100' };
    expect(await without({ hasApiKey: false }, body)).toEqual([400, 'Telnyx is not configured']);
    expect(await without({ hasModel: false }, body)).toEqual([400, 'OpenAI is not configured']);
  });

  it('001 a carrier that fails is 500, a refusal of ours keeps its status and names the setting', async () => {
    const failed = await setUp({}, new PatchcordError('PATCHCORD_CARRIER_API')).ask(
      'POST',
      '/api/ai-calls/create',
      {
        to: '+15551230100',
      },
    );
    expect([failed.statusCode, failed.json().error]).toEqual([500, 'Failed to create call']);
    expect(failed.json().details).toContain('carrier');
    const outbound = await setUp({}, new PatchcordError('PATCHCORD_DIAL_FAILED')).ask(
      'POST',
      '/api/calls/outbound',
      {
        to: '+15551230100',
      },
    );
    expect([outbound.statusCode, outbound.json().error]).toEqual([500, 'Internal error']);
    const refusal = new PatchcordError('PATCHCORD_DIAL_NOT_ALLOWED', undefined, {
      setting: 'PATCHCORD_DIAL_ALLOW',
    });
    const refused = await setUp({}, refusal).ask('POST', '/api/ai-calls/create', { to: '+15551230100' });
    expect([refused.statusCode, refused.json().setting]).toEqual([403, 'PATCHCORD_DIAL_ALLOW']);
  });

  it('001 GET /api/ai-calls/status counts the calls over Telnyx', async () => {
    const reply = await setUp().ask('GET', '/api/ai-calls/status');
    expect(reply.json()).toEqual({
      success: true,
      status: {
        activeConnections: 1,
        telnyxConfigured: true,
        openaiConfigured: true,
        baseUrl: 'https://gw.example.com',
      },
    });
  });

  it('001 hang-up and interrupt reach the call, and do not claim success for an unknown one', async () => {
    const { ask, done } = setUp();
    const hungUp = await ask('POST', '/api/ai-calls/v3:abc/hangup');
    expect([hungUp.statusCode, hungUp.json()]).toEqual([
      200,
      { success: true, message: 'Call hangup initiated' },
    ]);
    const interrupted = await ask('POST', '/api/ai-calls/v3:abc/interrupt');
    expect(interrupted.json()).toEqual({ success: true, message: 'AI speech interrupted' });
    expect(done).toEqual(['end', 'interrupt']);
    for (const what of ['hangup', 'interrupt']) {
      const unknown = await ask('POST', `/api/ai-calls/none/${what}`);
      expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'PATCHCORD_CALL_NOT_FOUND']);
    }
  });

  it('001 POST /api/calls/outbound opens the call with `say` and dials through the connection', async () => {
    const { ask, dialled } = setUp();
    const reply = await ask('POST', '/api/calls/outbound', {
      to: '+15551230100',
      connection_id: 'conn-1',
      say: 'Your order is ready.',
    });
    expect(reply.json()).toMatchObject({ ok: true, call: { call_control_id: 'v3:new' } });
    expect(dialled).toEqual([['+15551230100', { greeting: 'Your order is ready.' }, 'telnyx', 'conn-1']]);
    const missing = await ask('POST', '/api/calls/outbound', {});
    expect([missing.statusCode, missing.json().error]).toEqual([400, "Missing 'to' number"]);
  });

  it('001 POST /api/calls/:id/speak has the agent say it', async () => {
    const { ask, done } = setUp();
    const reply = await ask('POST', '/api/calls/v3:abc/speak', { text: 'One moment.' });
    expect([reply.statusCode, reply.json().ok]).toEqual([200, true]);
    expect(done).toEqual(['say One moment.']);
    const missing = await ask('POST', '/api/calls/v3:abc/speak', {});
    expect([missing.statusCode, missing.json().error]).toEqual([400, "Missing 'text'"]);
    expect((await ask('POST', '/api/calls/none/speak', { text: 'Hello' })).statusCode).toBe(404);
  });

  it('001 GET /api/providers/status says what is set and what can be reached', async () => {
    const reply = await setUp().ask('GET', '/api/providers/status');
    expect(reply.json()).toEqual({
      telnyx: {
        configured: true,
        reachable: false,
        info: { hasApiKey: true, fromNumberSet: true, outboundProfileSet: false, appIdSet: true },
      },
      elevenlabs: { configured: false, reachable: false, info: { hasApiKey: false, hasVoiceId: false } },
    });
  });

  it('001 any other address below /api is not found', async () => {
    for (const method of ['GET', 'POST'] as const) {
      const reply = await setUp().ask(method, '/api/none/at/all');
      expect([reply.statusCode, reply.json().error]).toEqual([404, 'Not found']);
    }
  });
});
