import { afterEach, describe, expect, it } from 'vitest';
import { type ServedAvr, serveAvr } from '../../../test/support/avr-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { type HeardCall, TestHost } from '../testing/test-host.ts';
import { avrCarrier } from './carrier.ts';

const open: ServedAvr[] = [];
afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
});

async function serve(...args: Parameters<typeof serveAvr>): Promise<ServedAvr> {
  const served = await serveAvr(...args);
  open.push(served);
  return served;
}

const frame = Buffer.alloc(320, 7);
const audio = { type: 'audio', audio: frame.toString('base64') };

async function callOf(served: ServedAvr, host: TestHost, target: string): Promise<HeardCall> {
  const connected = new Promise<void>((resolve) => {
    host.onConnected = () => resolve();
  });
  const core = await served.socket(target);
  core.send({ type: 'init', uuid: 'u1' });
  await connected;
  return host.calls.at(-1) as HeardCall;
}

describe('AVR on the ports', () => {
  it('000 WS: at / of the gateway, with any query, which becomes data of the call', async () => {
    const host = new TestHost();
    const served = await serve(host);
    expect((await callOf(served, host, '')).leg.party).toEqual({ direction: 'inbound', variables: {} });
    const { leg } = await callOf(served, host, '/?from=2000&to=5001&uniqueid=1.2&channel=PJSIP%2F2000-1');
    expect(leg.party).toEqual({
      direction: 'inbound',
      from: '2000',
      to: '5001',
      variables: { uniqueid: '1.2', channel: 'PJSIP/2000-1' },
    });
    expect(await served.upgrade('/avr')).toBe(404);
  });

  it('000 WS: at any path of AVR_PORT, and the HTTP stream beside it', async () => {
    const host = new TestHost();
    const served = await serve(host, {}, 'own');
    for (const target of ['', '/', '/any/path?from=2000']) {
      expect((await callOf(served, host, target)).log).toEqual(['answered', 'connected']);
    }
    const exchange = served.exchange({ 'x-uuid': 'u2' });
    expect((await exchange.response).statusCode).toBe(200);
    expect(avrCarrier({ port: 6030, allow: [], amiUrl: '' }, host).listeners).toMatchObject([
      { kind: 'http', name: 'AVR_PORT', port: 6030 },
    ]);
    expect(avrCarrier({ allow: [], amiUrl: '' }, host).listeners).toBeUndefined();
  });

  it('000: a whole call over a real socket, with one call not hearing the other', async () => {
    const host = new TestHost();
    const served = await serve(host);
    const cores = [];
    for (const uuid of ['u1', 'u2']) {
      const core = await served.socket(`/?uuid=${uuid}`);
      core.send({ type: 'init', provider_config: {} });
      core.send({ type: 'audio', audio: Buffer.alloc(320, uuid.charCodeAt(1)).toString('base64') });
      cores.push(core);
      while (host.calls.length < cores.length) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [at, call] of host.calls.entries()) {
      await call.audioOf(1);
      expect(call.leg.carrierCallId).toBe(`u${at + 1}`);
      expect(call.audio[0]?.chunk.bytes()).toEqual(Buffer.alloc(320, `${at + 1}`.charCodeAt(0)));
      call.leg.play(AudioChunk.fromBytes(Buffer.alloc(640, at + 1)));
    }
    for (const [at, core] of cores.entries()) {
      await core.messages(2);
      const message = { type: 'audio', audio: Buffer.alloc(320, at + 1).toString('base64') };
      expect(core.received).toEqual([message, message]);
    }
    cores[0]?.socket.close();
    expect(await host.calls[0]?.ended).toEqual({ reason: 'hung-up' });
    cores[1]?.send(audio);
    await host.calls[1]?.audioOf(2);
    expect(host.calls[1]?.ends).toEqual([]);
  });
});

describe('who may connect', () => {
  it('may call this machine by its own name, be that the public address too', async () => {
    const host = new TestHost();
    const served = await serve(host);
    expect(await served.upgrade('/', { host: 'pbx.local:6030' })).toBe(101);
    host.publicUrl = 'http://127.0.0.1:5050';
    const simulated = await serve(host);
    expect(await simulated.upgrade('/', { host: '127.0.0.1:5050' })).toBe(101);
  });

  it.each([
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-proto', 'https'],
    ['forwarded', 'for=127.0.0.1'],
    ['x-real-ip', '127.0.0.1'],
    ['cf-connecting-ip', '127.0.0.1'],
    ['host', 'gw.example.com'],
    ['host', 'GW.example.com'],
    ['origin', 'http://localhost:5050'],
    ['origin', 'null'],
  ])('is not told where %s stands in the request', async (header, value) => {
    for (const which of ['gateway', 'own'] as const) {
      const host = new TestHost();
      const served = await serve(host, {}, which);
      expect(await served.upgrade('/', { [header]: value })).toBe(403);
      const exchange = served.exchange({ [header]: value });
      expect((await exchange.response).statusCode).toBe(403);
      expect(JSON.parse((await exchange.ended).audio.toString())).toMatchObject({
        message: expect.any(String),
        code: 'PATCHCORD_PEER_NOT_ALLOWED',
      });
      expect(host.codes).toEqual(['PATCHCORD_PEER_NOT_ALLOWED', 'PATCHCORD_PEER_NOT_ALLOWED']);
      expect(host.calls).toEqual([]);
    }
  });

  it('is one of the networks that are allowed', async () => {
    const host = new TestHost();
    const served = await serve(host, { allow: ['10.0.0.0/8'] });
    expect(await served.upgrade('/')).toBe(403);
    expect((await served.exchange().response).statusCode).toBe(403);
    expect(host.refusals[0]).toEqual({
      code: 'PATCHCORD_PEER_NOT_ALLOWED',
      fields: { status: 403, peer: '127.0.0.1' },
    });
    expect(await (await serve(host, { allow: ['0.0.0.0/0'] })).upgrade('/')).toBe(101);
  });
});
