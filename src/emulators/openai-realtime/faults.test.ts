import { afterEach, describe, expect, it } from 'vitest';
import { sine } from '../../audio/tones.ts';
import { scriptedBehaviour } from './behaviours/scripted.ts';
import { parseFaults } from './faults.ts';
import { type OpenAiEmulator, type OpenAiEmulatorOptions, startOpenAiEmulator } from './server.ts';
import { refusedHandshake, TestClient } from './test-client.ts';

let emulator: OpenAiEmulator | undefined;
let client: TestClient | undefined;

afterEach(async () => {
  client?.socket.terminate();
  await emulator?.close();
});

const answer = {
  parts: [
    { type: 'speech', samples: sine(440, 2000, 24_000), sampleRate: 24_000, transcript: 'one two three' },
  ],
} as const;

async function open(fault: string, options: OpenAiEmulatorOptions = {}): Promise<TestClient> {
  emulator = await startOpenAiEmulator({
    behaviour: scriptedBehaviour([], answer),
    pace: { latencyMs: 0, deltaMs: 100, speed: 20 },
    ...options,
  });
  client = new TestClient(`${emulator.wsUrl}?model=gpt-realtime&fault=${fault}`);
  return client;
}

const deltaMs = (talk: TestClient) =>
  talk
    .of('response.output_audio.delta')
    .map((event) => Buffer.from(String(event.delta), 'base64').length / 48);

describe('faults', () => {
  it('refuse the handshake with a status, and with Retry-After', async () => {
    emulator = await startOpenAiEmulator({ faults: { handshakeStatus: 429, retryAfterS: 7 } });
    const refused = await refusedHandshake(`${emulator.wsUrl}?model=m`);
    expect(refused).toMatchObject({ status: 429, retryAfter: '7' });
    expect(await refusedHandshake(`${emulator.wsUrl}?model=m&fault=handshakeStatus=500`)).toMatchObject({
      status: 500,
    });
    expect(await refusedHandshake(`${emulator.wsUrl}?model=m&fault=nonsense`)).toMatchObject({ status: 400 });
    expect(emulator.handshakes).toBe(3);
  });

  it('answer the handshake late, or never', async () => {
    const talk = await open('handshakeDelayMs=30');
    await talk.next('session.created');
    emulator?.setFaults({ handshakeHang: true });
    const hung = new TestClient(`${emulator?.wsUrl}?model=m`);
    await expect.poll(() => emulator?.handshakes).toBe(2);
    expect(hung.socket.readyState).toBe(hung.socket.CONNECTING);
    await emulator?.close();
    await hung.closed();
    expect(hung.events).toEqual([]);
  });

  it('drop the connection in mid-answer, after exactly that much audio', async () => {
    const talk = await open('dropAfterAudioMs=500');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    expect(await talk.closed()).toMatchObject({ code: 1006 });
    expect(talk.types()).not.toContain('response.done');
    expect(emulator?.sessions[0]?.record.responses).toMatchObject([{ status: 'in_progress', audioMs: 500 }]);
    expect(emulator?.liveSessions).toBe(0);
  });

  it('stall an answer for good, which can still be cancelled', async () => {
    const talk = await open('stallAfterAudioMs=300');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    await talk.next('response.output_audio.delta', 3);
    talk.send({ type: 'response.create' });
    expect((await talk.next('error')).error).toMatchObject({
      code: 'conversation_already_has_active_response',
    });
    talk.send({ type: 'response.cancel' });
    expect((await talk.next('response.done')).response).toMatchObject({ status: 'cancelled' });
    expect(talk.of('response.output_audio.delta')).toHaveLength(3);
  });

  it('fail a response that was never created, and rate limit another', async () => {
    const talk = await open('failWithoutCreated=1,rateLimitResponse=2');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    expect((await talk.next('response.done')).response).toMatchObject({
      status: 'failed',
      usage: { total_tokens: 0 },
    });
    expect(talk.types()).not.toContain('response.created');
    talk.send({ type: 'response.create' });
    expect((await talk.next('response.done', 2)).response).toMatchObject({
      status: 'failed',
      status_details: { error: { code: 'rate_limit_exceeded' } },
    });
    talk.send({ type: 'response.create' });
    expect((await talk.next('response.done', 3)).response).toMatchObject({ status: 'completed' });
  });

  it('leave out a response.done', async () => {
    const talk = await open('missingDone=1');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    await talk.next('conversation.item.done');
    talk.send({ type: 'response.create' });
    await talk.next('response.done');
    expect(talk.of('response.created')).toHaveLength(2);
    expect(talk.of('response.done')).toHaveLength(1);
  });

  it('change the size of the bursts', async () => {
    const talk = await open('deltaMs=900,speed=100');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    await talk.next('response.done');
    expect(deltaMs(talk)).toEqual([900, 900, 200]);
  });

  it('end the session at its age, with the reason', async () => {
    const talk = await open('expireAfterMs=20');
    expect((await talk.next('error')).error).toMatchObject({ code: 'session_expired' });
    expect(await talk.closed()).toEqual({
      code: 1001,
      reason: 'Your session hit the maximum duration of 60 minutes.',
    });
  });

  it('answer a CLOSE by dropping TCP', async () => {
    const talk = await open('noCloseReply');
    await talk.next('session.created');
    talk.socket.close(1000);
    expect(await talk.closed()).toMatchObject({ code: 1006 });
  });

  it('drop TCP on a CLOSE without a code too', async () => {
    const talk = await open('noCloseReply');
    await talk.next('session.created');
    talk.socket.close();
    expect(await talk.closed()).toMatchObject({ code: 1006 });
  });

  it('close in order without that fault', async () => {
    const talk = await open('');
    await talk.next('session.created');
    talk.socket.close(1000);
    expect(await talk.closed()).toMatchObject({ code: 1000 });
  });

  it('delay every event and keep their order', async () => {
    const talk = await open('eventDelayMs=40');
    talk.socket.on('open', () => talk.send({ type: 'response.create' }));
    await talk.next('response.done');
    const { record } = emulator?.sessions[0] ?? {};
    expect(record?.responses).toHaveLength(1);
    expect(talk.types().slice(0, 3)).toEqual([
      'session.created',
      'response.created',
      'response.output_item.added',
    ]);
    expect(deltaMs(talk)).toHaveLength(20);
  });

  it('send an error event at a time', async () => {
    const talk = await open('errorCode=insufficient_quota,errorAfterMs=5');
    expect((await talk.next('error')).error).toMatchObject({ code: 'insufficient_quota', event_id: null });
  });

  it('say nothing at all after the handshake', async () => {
    const talk = await open('noSessionCreated');
    talk.socket.on('open', () => talk.send({ type: 'session.update', session: { type: 'realtime' } }));
    await talk.next('session.updated');
    expect(talk.types()).toEqual(['session.updated']);
  });

  it('use the names of the beta', async () => {
    const talk = await open('betaNames');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    const done = await talk.next('response.done');
    expect(new Set(talk.types())).toContain('response.audio.delta');
    expect(
      talk.types().filter((type) => type.includes('output_audio') || type === 'conversation.item.done'),
    ).toEqual([]);
    expect(talk.of('conversation.item.created')).toHaveLength(1);
    expect(done.response).toMatchObject({ output: [{ content: [{ type: 'audio' }] }] });
  });

  it('let deltas of a cancelled answer arrive late', async () => {
    const talk = await open('lateDeltas=2,speed=1');
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    await talk.next('response.output_audio.delta');
    talk.send({ type: 'response.cancel' });
    await talk.next('response.done');
    const before = talk.types().indexOf('response.done');
    await talk.until(
      () => talk.types(before).filter((type) => type === 'response.output_audio.delta').length === 2,
      'late deltas',
    );
  });

  it('can be set while a session runs, and per connection', async () => {
    const talk = await open('', { faultsFor: ({ number }) => (number === 1 ? { deltaMs: 1000 } : {}) });
    await talk.next('session.created');
    talk.send({ type: 'response.create' });
    await talk.next('response.done');
    expect(deltaMs(talk)).toEqual([1000, 1000]);
    emulator?.sessions[0]?.drop();
    expect(await talk.closed()).toMatchObject({ code: 1006 });
  });
});

describe('parseFaults', () => {
  it('reads flags, numbers and texts', () => {
    expect(parseFaults(['betaNames,speed=2.5', 'errorCode=x', 'noCloseReply=false'])).toEqual({
      betaNames: true,
      speed: 2.5,
      errorCode: 'x',
      noCloseReply: false,
    });
  });

  it('refuses what it does not know', () => {
    for (const bad of ['unknown=1', 'speed', 'speed=fast', 'speed=-1', 'betaNames=maybe', 'toString=1']) {
      expect(() => parseFaults([bad])).toThrow(/fault/);
    }
  });
});
