import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { bytesPerMs } from '../../src/audio/format.ts';
import { samenessOf } from '../contract/sameness.ts';
import { hush, says, speech, turn } from '../contract/sounds.ts';
import { apiKey, type Stage } from '../contract/stage.ts';
import { type AllPhones, onAllPhones } from './all-phones.ts';
import { fromElsewhere, withKey } from './ask.ts';

/** The row of the merged drop-in contract about isolation and safety, on a gateway that has every carrier at once. */

const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent', PATCHCORD_GREETING: 'Good evening to you' };

/** The status of an upgrade; 101 where the socket opens. */
async function upgrade(
  { gateway }: Stage,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const socket = new WebSocket(gateway.url.replace('http', 'ws') + path, { headers });
  socket.on('error', () => socket.terminate());
  const status = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => (response as IncomingMessage).statusCode ?? 0),
  ]);
  socket.terminate();
  return status;
}

/** A whole call that nothing may have disturbed: a question, and the answer heard to its end. */
async function expectGoodCall({ stage, phone }: AllPhones, name = 'twilio'): Promise<void> {
  const { traits, call } = phone(name);
  const before = stage.tap.sessions.length;
  const caller = await call();
  caller.send(turn(traits.receives, 300));
  await stage.until('the answer heard', () => samenessOf(traits).hasHeard(caller.ear, 150));
  expect(stage.tap.sessions).toHaveLength(before + 1);
  caller.hangUp();
  await stage.empty();
  expect(caller.violations).toEqual([]);
}

describe.concurrent('whoever calls, and whoever only tries to', () => {
  it('all isolation and safety: nothing of one call is in another, at one time over every carrier', async () => {
    const script = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => says({ ms: 200, seed }));
    await onAllPhones({ script }, async ({ stage, phones }) => {
      const calls = await Promise.all(
        phones.map(async ({ traits, call }, seed) => ({
          traits,
          same: samenessOf(traits),
          caller: await call(),
          words: [speech(traits.receives, 300, seed + 20), hush(traits.receives, 320, seed + 20)] as const,
        })),
      );
      await stage.until('all models there', () => stage.tap.sessions.length === calls.length);
      for (const { caller, words } of calls) caller.send(words[0]);
      for (const { caller, words } of calls) caller.send(words[1]);
      await stage.until('all answered', () =>
        calls.every(({ same, caller }) => same.hasHeard(caller.ear, 200)),
      );
      const taken = calls.map(({ same, caller, words }) => {
        const said = Buffer.concat(words);
        const own = stage.tap.sessions.filter((session) => same.isReached(session, said));
        expect(own).toHaveLength(1);
        same.expectHeard(caller.ear.heard(), own[0]?.agentAudio() ?? Buffer.alloc(0));
        return own[0];
      });
      expect(new Set(taken).size).toBe(calls.length);
      for (const { caller } of calls) caller.hangUp();
      await stage.empty();
      expect(calls.flatMap(({ caller }) => caller.violations)).toEqual([]);
    });
  });

  it('all isolation and safety: what waits for a model is bounded, the newest is kept and the rest counted', async () => {
    const env = { PATCHCORD_EARLY_AUDIO_MS: '1000' };
    await onAllPhones({ env, faults: { handshakeDelayMs: 1500 } }, async ({ stage, phone }) => {
      const names = ['twilio', 'telnyx', 'plivo', 'genesys', 'avr'];
      const lostMs = (name: string): number => {
        const [started] = stage.eventsOf('call.started').filter(({ call }) => call.carrier === name);
        const lost = stage.eventsOf('caller-audio.lost').filter(({ callId }) => callId === started?.callId);
        return lost.reduce((sum, event) => sum + event.lostMs, 0);
      };
      const calls = await Promise.all(
        names.map(async (name, seed) => {
          const { traits, call } = phone(name);
          const said = hush(traits.receives, 3000, seed);
          const caller = await call();
          caller.send(said);
          const kept = (): Buffer => said.subarray(Math.round(lostMs(name)) * bytesPerMs(traits.receives));
          return { name, same: samenessOf(traits), caller, kept };
        }),
      );
      await stage.until('what was kept at the models', () =>
        calls.every(({ same, kept }) =>
          stage.tap.sessions.some((session) => same.isReached(session, kept())),
        ),
      );
      for (const name of names) {
        expect([name, lostMs(name)]).toEqual([name, expect.closeTo(2000, -2)]);
      }
      for (const { caller } of calls) caller.hangUp();
      await stage.empty();
    });
  });

  it('all isolation and safety: no secret, no number and no word of anybody is in the log', async () => {
    const phoneCount = 8;
    const script = Array.from({ length: phoneCount * 3 }, (_, seed) =>
      says({ ms: 150, seed, words: 'My pin is nine' }),
    );
    await onAllPhones({ env: agentFirst, script }, async ({ stage, ask, phones, env }) => {
      const callers = phones.map(async ({ traits, call }) => {
        const caller = await call();
        const same = samenessOf(traits);
        await stage.until('the greeting heard', () => same.hasHeard(caller.ear, 150));
        caller.send(turn(traits.receives, 300));
        await stage.until('the answer heard', () => same.hasHeard(caller.ear, 300));
        if (traits.digits === true) caller.press('7');
        caller.hangUp();
      });
      await Promise.all(callers);
      await stage.empty();
      const query = 'From=%2B15550001111&To=%2B15550002222&CallSid=CA1&CallUUID=1';
      await ask('GET', `/incoming-call?${query}`, undefined, { 'x-twilio-signature': 'AAAA' });
      await ask('GET', `/incoming-call?${query.replace('&CallUUID=1', '')}`);
      await ask('POST', '/make-call', { to: '+15550001111', instructions: 'Be brief.' });
      await ask('POST', '/api/ai-calls/create', { to: '+15550001111' });
      await ask('GET', '/v1/calls/+15550001111', undefined, withKey);
      await ask('GET', '/v1/calls?key=api-key-of-the-test', undefined, fromElsewhere);
      expect(stage.log.length).toBeGreaterThan(50);
      expect(stage.warnings('PATCHCORD_SIGNATURE_INVALID').length).toBeGreaterThanOrEqual(2);
      const secrets = Object.entries(env).filter(([name]) => /TOKEN|_KEY|SECRET|PASSWORD/.test(name));
      const hidden = [
        ...secrets.filter(([name]) => name !== 'TELNYX_PUBLIC_KEY').map(([, value]) => value),
        apiKey,
        'key-of-the-test',
        '15550001111',
        '15550002222',
        'pin is nine',
        'words of the caller',
        'Good evening',
        'Be brief',
      ];
      const lines = stage.log.map((line) => JSON.stringify(line));
      for (const text of hidden) expect(lines.filter((line) => line.includes(text))).toEqual([]);
      for (const { fields } of stage.log) expect(fields).not.toHaveProperty('digit');
    });
  });

  it('all isolation and safety: every public route asks who it is', async () => {
    await onAllPhones({}, async ({ stage, ask }) => {
      const document = (await ask('GET', '/openapi.json', undefined, withKey)).json as OpenApi;
      const open = ['/healthz', '/readyz', '/health', '/api/health', '/'];
      const { '/v1/events': _socket, ...paths } = document.paths;
      const documented = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => [method.toUpperCase(), path.replace(/\{\w+\}/g, 'x')] as const),
      );
      const bridged = [
        ['GET', '/api/ai-calls/status'],
        ['GET', '/api/providers/status'],
        ['POST', '/api/ai-calls/create'],
        ['POST', '/api/ai-calls/x/hangup'],
        ['POST', '/api/ai-calls/x/interrupt'],
        ['POST', '/api/calls/outbound'],
        ['POST', '/api/calls/x/speak'],
        ['GET', '/metrics'],
        ['GET', '/openapi.json'],
      ] as const;
      const asked = [...documented, ...bridged].filter(([, path]) => !open.includes(path));
      expect(asked.length).toBeGreaterThan(20);
      for (const [method, path] of asked) {
        const body = method === 'POST' ? { to: '+15550001111' } : undefined;
        const { status } = await ask(method as 'GET' | 'POST', path, body, fromElsewhere);
        expect([method, path, status]).toEqual([method, path, 401]);
      }
      for (const path of open) {
        expect([path, (await ask('GET', path, undefined, fromElsewhere)).status]).toEqual([path, 200]);
      }
      const hooks = ['/incoming-call', '/inbound-call', '/outbound-call', '/status-callback', '/callbacks'];
      for (const path of [...hooks, '/twilio-status-callback', '/api/webhooks/telnyx']) {
        expect([path, (await ask('POST', path, {}, fromElsewhere)).status]).toEqual([path, 403]);
      }
      const stream = await ask('POST', '/speech-to-speech-stream', 'ab', fromElsewhere);
      expect(stream.status).toBe(403);
      const sockets = {
        '/v1/events': 401,
        '/log-stream': 401,
        '/softphone': 401,
        '/media-stream': 401,
        '/media-stream?token=x': 401,
        '/media-bridge?token=x': 401,
        '/audiohook': 401,
        '/asterisk': 401,
        '/': 403,
      };
      for (const [path, refused] of Object.entries(sockets)) {
        expect([path, await upgrade(stage, path, fromElsewhere)]).toEqual([path, refused]);
      }
      expect(stage.eventsOf('call.started')).toEqual([]);
      expect(stage.tap.sessions).toEqual([]);
    });
  });

  it('all isolation and safety: what makes no sense is refused, crashes nothing, and the next call is taken', async () => {
    const script = [says({ ms: 150, seed: 9 }), says({ ms: 150, seed: 10 })];
    await onAllPhones({ script }, async (it) => {
      const { stage, ask } = it;
      const bodies = ['{', '[]', 'null', '"x"', '\u0000\ufffd', `{"to":"${'9'.repeat(300_000)}"}`];
      const paths = [
        '/make-call',
        '/save-instructions',
        '/v1/calls',
        '/v1/announcements',
        '/v1/calls/x/say',
        '/api/ai-calls/create',
        '/api/calls/outbound',
        '/api/calls/x/speak',
        '/api/webhooks/telnyx',
        '/incoming-call',
        '/status-callback',
        '/callbacks',
      ];
      const types = ['application/json', 'application/x-www-form-urlencoded', 'text/xml', 'nonsense'];
      const attempts = paths.flatMap((path) =>
        bodies.flatMap((body) => types.map((type) => ({ path, body, type }))),
      );
      const outcomes = attempts.map(async ({ path, body, type }) => {
        const { status } = await ask('POST', path, body, { 'content-type': type });
        return [status >= 400 && status < 500 ? 'refused' : status, path, type, body.slice(0, 10)];
      });
      for (const [outcome, ...what] of await Promise.all(outcomes)) {
        expect(outcome, what.join(' ')).toBe('refused');
      }
      for (const path of [
        '/%',
        '/instructions/%ff',
        '/v1/calls/%00',
        `/${'a'.repeat(5000)}`,
        '/v1/calls/..%2f..',
      ]) {
        expect((await ask('GET', path)).status).toBeLessThan(500);
      }
      await rubbish(stage);
      expect(stage.log.filter(({ level }) => level === 'error')).toEqual([]);
      expect(stage.liveCalls).toBe(0);
      await expectGoodCall(it);
      await expectGoodCall(it, 'plivo');
    });
  });
});

/** What is no HTTP at all, on connections of their own. */
async function rubbish({ gateway }: Stage): Promise<void> {
  const { hostname, port } = new URL(gateway.url);
  for (const bytes of [
    '\u0000\u0001\u0002\r\n\r\n',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\n',
  ]) {
    const socket = connectTcp(Number(port), hostname);
    socket.on('error', () => socket.destroy());
    socket.resume();
    socket.end(bytes);
    await once(socket, 'close');
  }
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
