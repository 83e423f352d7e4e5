import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Logger, silentLogger } from '../src/base/logger.ts';
import { loadSettings } from '../src/config/environment.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { mediaMessage, startMessage, tokenIn } from './support/twilio-host.ts';

let api: Server;
let gateway: Gateway;
let asked: { readonly url: string; readonly form: URLSearchParams }[];
let warnings: object[];

beforeEach(async () => {
  asked = [];
  warnings = [];
  api = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => {
      asked.push({ url: request.url ?? '', form: new URLSearchParams(body) });
      response.end('{"sid":"CA1","status":"queued"}');
    });
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  const log: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields), child: () => log };
  gateway = await startGateway({
    log,
    settings: loadSettings({
      HOST: '127.0.0.1',
      PORT: '0',
      PUBLIC_URL: 'https://gw.example.com',
      TWILIO_ACCOUNT_SID: 'AC1',
      TWILIO_AUTH_TOKEN: 'token-of-the-test',
      TWILIO_PHONE_NUMBER: '+15550009999',
      TWILIO_API_BASE_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
      PATCHCORD_ALLOW_UNSIGNED: 'twilio',
      PATCHCORD_DIAL_ALLOW: '+1',
      PATCHCORD_ANSWER_TIMEOUT_MS: '40000',
    }),
  });
});

afterEach(async () => {
  await gateway.close();
  api.closeAllConnections();
  api.close();
  await once(api, 'close');
});

async function post(path: string, fields: Record<string, string>) {
  const reply = await fetch(`${gateway.url}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
  return { status: reply.status, text: await reply.text() };
}

describe('the gateway', () => {
  it('counts and logs who is refused the events', async () => {
    for (const path of ['/v1/events', '/log-stream']) {
      const socket = new WebSocket(`${gateway.url}${path}`, { headers: { host: 'gw.example.com' } });
      socket.on('error', () => undefined);
      const [, response] = await once(socket, 'unexpected-response');
      expect(response.statusCode).toBe(401);
      socket.terminate();
    }
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('patchcord_refused_peers_total{carrier="api",code="PATCHCORD_UNAUTHORIZED"} 2');
    expect(warnings).toHaveLength(2);
  });

  it('lets the carrier give up before it does itself, when nobody answers', async () => {
    expect((await post('/v1/calls', { to: '+1 555 000 1111' })).status).toBe(201);
    expect(asked[0]?.form.get('Timeout')).toBe('35');
    await post('/status-callback', { CallSid: 'CA1', CallStatus: 'no-answer' });
    expect(gateway.switchboard.directory.size).toBe(0);
  });

  it('gives a live call to another number, if that may be dialled', async () => {
    const transfer = (to: string) => post('/v1/calls/CA1/transfer', { to });
    const ring = { CallSid: 'CA1', AccountSid: 'AC1', CallStatus: 'ringing', Direction: 'inbound' };
    const { text } = await post('/incoming-call', ring);
    expect((await transfer('+15550003333')).status).toBe(409);
    const stream = new WebSocket(`${gateway.url}/media-stream`);
    await once(stream, 'open');
    stream.send(JSON.stringify(startMessage(tokenIn(text))));
    stream.send(JSON.stringify(mediaMessage(20)));
    await once(stream, 'message');
    expect((await transfer('+18765550100')).status).toBe(403);
    expect((await transfer('sip:desk@example.com')).status).toBe(400);
    expect(asked).toEqual([]);
    expect(await transfer('+15550003333')).toEqual({ status: 200, text: '{"transferred":true}' });
    expect(asked[0]?.url).toBe('/2010-04-01/Accounts/AC1/Calls/CA1.json');
    expect(asked[0]?.form.get('Twiml')).toContain('<Dial><Number>+15550003333</Number></Dial>');
    stream.terminate();
  });

  it('has the folder of instructions', async () => {
    expect((await fetch(`${gateway.url}/instructions/none`)).status).toBe(404);
  });
});
