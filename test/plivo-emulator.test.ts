import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../src/base/clock.ts';
import { FakePlivo, type FakePlivoOptions } from '../src/emulators/plivo/account.ts';
import { says } from './contract/sounds.ts';
import { apiKey, publicUrl, Stage, type StageOptions } from './contract/stage.ts';

const authId = 'MA000000000000000000';
const authToken = 'plivo-token-of-the-test';
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The whole gateway, an emulated model, and a Plivo that knows nothing of either. */
async function set(options: StageOptions = {}, plivoOptions: Partial<FakePlivoOptions> = {}) {
  let gatewayUrl = '';
  const plivo = new FakePlivo({
    clock: new SystemClock(),
    get gatewayUrl() {
      return gatewayUrl;
    },
    publicUrl,
    authId,
    authToken,
    hangupUrl: '/callbacks',
    ringMs: 20,
    ...plivoOptions,
  });
  const apiUrl = await plivo.listen();
  const stage = await Stage.set({
    ...options,
    env: {
      PLIVO_API_BASE_URL: apiUrl,
      PLIVO_AUTH_ID: authId,
      PLIVO_AUTH_TOKEN: authToken,
      PLIVO_PHONE_NUMBER: '+15550007777',
      PATCHCORD_DIAL_ALLOW: '+1',
      PATCHCORD_FIRST_SPEAKER: 'agent',
      ...options.env,
    },
  });
  gatewayUrl = stage.gateway.url;
  closers.push(
    () => plivo.close(),
    () => stage.close(),
  );
  const api = (path: string, body: object) =>
    fetch(`${stage.gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return { plivo, stage, api };
}

describe('a Plivo that shares no code with the carrier', () => {
  it('calls, hears the agent to its end, and is hung up', async () => {
    const goodbye = says({ ms: 300, seed: 1 }, { tool: 'end_call', callId: 'c' });
    const { plivo, stage } = await set({ script: [goodbye] });
    const record = await plivo.newCall({ maxCallMs: 8_000 }).run();
    expect(record).toMatchObject({ failure: undefined, notices: [], status: 'completed' });
    expect(record.stream).toMatchObject({ playedMs: 300, violationCount: 0, clears: [] });
    expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    await stage.empty();
  });

  it('is dialled, picks up, and hears the agent', async () => {
    const goodbye = says({ ms: 200, seed: 2 }, { tool: 'end_call', callId: 'c' });
    const { plivo, stage, api } = await set({ script: [goodbye] });
    expect((await api('/v1/calls', { to: '+15550004444', carrier: 'plivo' })).status).toBe(201);
    expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    const [call] = plivo.calls;
    await call?.over;
    expect(call?.record).toMatchObject({ failure: undefined, stream: { playedMs: 200, violationCount: 0 } });
    await stage.empty();
  });

  it('is dialled and is busy', async () => {
    const { stage, api } = await set({}, { answer: () => 'busy' });
    await api('/v1/calls', { to: '+15550004444', carrier: 'plivo' });
    expect((await stage.event('call.ended')).reason).toBe('not-answered');
    await stage.empty();
  });

  it('takes keys, and a transfer', async () => {
    const { plivo, stage, api } = await set({ script: [says({ ms: 2000, seed: 3 })] });
    const running = plivo.newCall({ maxCallMs: 8_000 }).run();
    const { callId } = await stage.event('turn.started');
    expect((await api(`/v1/calls/${callId}/digits`, { digits: '12#' })).status).toBe(200);
    expect(await (await api(`/v1/calls/${callId}/transfer`, { to: '+15550009999' })).json()).toMatchObject({
      transferred: true,
    });
    const record = await running;
    expect(record).toMatchObject({ failure: undefined, dialledTo: ['15550009999'] });
    expect(record.stream?.digitsReceived).toBe('12#');
    expect((await stage.event('call.ended')).reason).toBe('transferred');
    await stage.empty();
  });

  it('goes on to its hang-up where the media is lost', async () => {
    const { plivo, stage } = await set({ script: [says({ ms: 3000, seed: 4 })] });
    const record = await plivo.newCall({ network: { dropAtMs: 300 } }).run();
    expect(record).toMatchObject({ failure: 'the media socket was lost', verbs: [{}, { verb: 'hangup' }] });
    expect((await stage.event('call.ended')).reason).toBe('carrier-lost');
    await stage.empty();
  });
});
