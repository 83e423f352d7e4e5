import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../src/base/clock.ts';
import { FakeTelnyx, type FakeTelnyxOptions } from '../src/emulators/telnyx/account.ts';
import { TelnyxKeys } from '../src/emulators/telnyx/keys.ts';
import { says } from './contract/sounds.ts';
import { apiKey, publicUrl, Stage, type StageOptions } from './contract/stage.ts';

const keys = new TelnyxKeys(Buffer.alloc(32, 4));
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The whole gateway, an emulated model, and a Telnyx that knows nothing of either. */
async function set(options: StageOptions = {}, telnyxOptions: Partial<FakeTelnyxOptions> = {}) {
  let gatewayUrl = '';
  const telnyx = new FakeTelnyx({
    clock: new SystemClock(),
    get gatewayUrl() {
      return gatewayUrl;
    },
    publicUrl,
    keys,
    apiKey: 'KEY',
    ringMs: 20,
    ...telnyxOptions,
  });
  const apiUrl = await telnyx.listen();
  const stage = await Stage.set({
    ...options,
    env: {
      TELNYX_API_BASE_URL: apiUrl,
      TELNYX_API_KEY: 'KEY',
      TELNYX_PUBLIC_KEY: keys.publicKey,
      TELNYX_FROM_NUMBER: '+15550007777',
      TELNYX_CALL_CONTROL_APP_ID: '1494404757140276705',
      PATCHCORD_DIAL_ALLOW: '+1',
      PATCHCORD_FIRST_SPEAKER: 'agent',
      ...options.env,
    },
  });
  gatewayUrl = stage.gateway.url;
  closers.push(
    () => telnyx.close(),
    () => stage.close(),
  );
  const api = (path: string, body: object) =>
    fetch(`${stage.gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return { telnyx, stage, api };
}

describe('a Telnyx that shares no code with the carrier', () => {
  it('calls, hears the agent to its end, and is hung up', async () => {
    const goodbye = says({ ms: 300, seed: 1 }, { tool: 'end_call', callId: 'c' });
    const { telnyx, stage } = await set({ script: [goodbye] });
    const call = telnyx.newCall({ maxCallMs: 8_000 });
    const record = await call.run();
    expect(record).toMatchObject({ failure: undefined, notices: [], hangupSource: 'callee' });
    expect(record.stream).toMatchObject({ playedMs: 300, violationCount: 0, clears: [] });
    expect(record.commands.map(({ action }) => action)).toEqual(['answer', 'streaming_start', 'hangup']);
    expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    await stage.empty();
  });

  it('is dialled, picks up, and hears the agent', async () => {
    const goodbye = says({ ms: 200, seed: 2 }, { tool: 'end_call', callId: 'c' });
    const { telnyx, stage, api } = await set({ script: [goodbye] });
    const reply = await api('/v1/calls', { to: '+15550004444', carrier: 'telnyx' });
    expect(reply.status).toBe(201);
    const [call] = telnyx.calls;
    expect(await reply.json()).toMatchObject({ carrierCallId: call?.callControlId });
    await call?.over;
    expect(call?.record).toMatchObject({ failure: undefined, stream: { playedMs: 200, violationCount: 0 } });
    expect(call).toMatchObject({ from: '+15550007777', to: '+15550004444' });
    expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    await stage.empty();
  });

  it.each(['busy', 'reject'] as const)('is dialled, and the answer is %s', async (what) => {
    const { stage, api } = await set({}, { answer: () => what });
    await api('/v1/calls', { to: '+15550004444', carrier: 'telnyx' });
    expect((await stage.event('call.ended')).reason).toBe('not-answered');
    await stage.empty();
  });

  it('takes keys, and a transfer', async () => {
    const { telnyx, stage, api } = await set({ script: [says({ ms: 2000, seed: 3 })] });
    const call = telnyx.newCall({ maxCallMs: 8_000 });
    const running = call.run();
    const { callId } = await stage.event('turn.started');
    expect((await api(`/v1/calls/${callId}/digits`, { digits: '12#' })).status).toBe(200);
    expect(await (await api(`/v1/calls/${callId}/transfer`, { to: '+15550009999' })).json()).toMatchObject({
      transferred: true,
    });
    expect(await running).toMatchObject({ failure: undefined, digits: '12#', transferredTo: '+15550009999' });
    expect((await stage.event('call.ended')).reason).toBe('transferred');
    await stage.empty();
  });

  it('hears an apology where the media is lost, and is hung up', async () => {
    const { telnyx, stage } = await set({ script: [says({ ms: 3000, seed: 4 })] });
    const record = await telnyx.newCall({ network: { dropAtMs: 300 }, speakMs: 50 }).run();
    expect(record).toMatchObject({ failure: 'the media socket was lost', hangupSource: 'callee' });
    expect(record.spoken).toHaveLength(1);
    expect((await stage.event('call.ended')).reason).toBe('carrier-lost');
    await stage.empty();
  });
});
