import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { SystemClock } from '../../base/clock.ts';
import { FakeGenesysCall, type FakeGenesysCallOptions } from './call.ts';
import { probeId } from './client-envelope.ts';

const clock = new SystemClock();
const secret = Buffer.from('a secret of the test').toString('base64');
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

interface ClientMessage {
  readonly type: string;
  readonly seq: number;
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

type Say = (type: string, parameters?: object) => void;

/** An AudioHook server of the plainest kind, which knows nothing of the gateway. */
async function server(
  onMessage: (message: ClientMessage, say: Say, socket: WebSocket) => void = () => undefined,
  refuse?: number,
) {
  const upgrades: IncomingMessage[] = [];
  const messages: ClientMessage[] = [];
  let audioBytes = 0;
  const http = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    upgrades.push(request);
    if (refuse !== undefined) {
      socket.end(`HTTP/1.1 ${refuse} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (peer) => {
      let seq = 0;
      let clientseq = 0;
      let id = '';
      const say: Say = (type, parameters = {}) => {
        seq += 1;
        peer.send(JSON.stringify({ version: '2', type, seq, clientseq, id, parameters }));
      };
      peer.on('message', (data: Buffer, isBinary) => {
        if (isBinary) {
          audioBytes += data.length;
          return;
        }
        const message = JSON.parse(data.toString()) as ClientMessage;
        messages.push(message);
        clientseq = message.seq;
        id = message.id;
        if (message.type === 'open') say('opened', { media: (message.parameters.media as []).slice(0, 1) });
        if (message.type === 'ping') say('pong');
        if (message.type === 'close') say('closed');
        onMessage(message, say, peer);
      });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  open.push(async () => {
    for (const peer of sockets.clients) peer.terminate();
    await new Promise<void>((resolve) => http.close(() => resolve()));
  });
  const gatewayUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return { gatewayUrl, upgrades, messages, audioBytes: () => audioBytes };
}

function newCall(gatewayUrl: string, options: Partial<FakeGenesysCallOptions> = {}): FakeGenesysCall {
  return new FakeGenesysCall({ clock, gatewayUrl, apiKey: 'key-1', clientSecret: secret, ...options });
}

describe('FakeGenesysCall', () => {
  it('comes with all headers, opens, speaks, and hangs up', async () => {
    const { gatewayUrl, upgrades, messages, audioBytes } = await server();
    const call = newCall(gatewayUrl, {
      publicUrl: 'https://gw.example.com',
      path: '/audiohook/desk?tenant=a',
      inputVariables: { LANGUAGE: 'en' },
      steps: [{ do: 'wait', ms: 300 }, { do: 'hangup' }],
    });
    const record = await call.run();
    expect(record.failure).toBeUndefined();
    expect(record).toMatchObject({ sessionId: call.sessionId, session: { closeReason: 'end' } });
    expect(record.stream).toMatchObject({ endedBy: 'caller', violationCount: 0 });
    expect(record.answeredAtMs).toBeGreaterThan(0);
    expect(audioBytes()).toBeGreaterThanOrEqual(1600);
    const [upgrade] = upgrades;
    expect(upgrade?.url).toBe('/audiohook/desk?tenant=a');
    expect(upgrade?.headers).toMatchObject({
      host: 'gw.example.com',
      'audiohook-session-id': call.sessionId,
      'audiohook-organization-id': call.organizationId,
      'audiohook-correlation-id': expect.stringMatching(/^[\da-f-]{36}$/),
      'x-api-key': 'key-1',
      signature: expect.stringMatching(/^sig1=:[\w+/]{43}=:$/),
      'signature-input': expect.stringContaining('keyid="key-1"'),
    });
    expect(messages.map(({ type }) => type)).toEqual(['open', 'close']);
    expect(messages[0]).toMatchObject({
      id: call.sessionId,
      parameters: {
        organizationId: call.organizationId,
        conversationId: call.conversationId,
        participant: { ani: '+15550001111', dnis: '+15550002222' },
        inputVariables: { LANGUAGE: 'en' },
      },
    });
  });

  it('leaves the signature out where there is no secret', async () => {
    const { gatewayUrl, upgrades } = await server();
    const { clientSecret: _, ...unsigned } = { clock, gatewayUrl, apiKey: 'key-1', clientSecret: '' };
    await new FakeGenesysCall({ ...unsigned, steps: [{ do: 'hangup' }] }).run();
    expect(upgrades[0]?.headers.signature).toBeUndefined();
  });

  it('is a probe: ids of zeros, nobody calls, closed at once', async () => {
    const { gatewayUrl, messages } = await server();
    const record = await newCall(gatewayUrl, { probe: true }).run();
    expect(record.failure).toBeUndefined();
    expect(messages[0]?.parameters).toMatchObject({
      conversationId: probeId,
      participant: { id: probeId, ani: '', aniName: '', dnis: '' },
    });
    expect(messages.at(-1)).toMatchObject({ type: 'close', parameters: { reason: 'end' } });
  });

  it('is told apart: refused, disconnected, lost, completed', async () => {
    const refusing = await server(undefined, 401);
    expect((await newCall(refusing.gatewayUrl).run()).failure).toContain('HTTP 401');
    const failing = await server(({ type }, say) => {
      if (type === 'open') say('disconnect', { reason: 'error', info: 'no model' });
    });
    const failed = await newCall(failing.gatewayUrl).run();
    expect(failed.failure).toBe('disconnected: error (no model)');
    expect(failed.stream?.violationCount).toBe(0);
    const losing = await server(({ type }, _say, socket) => {
      if (type === 'open') socket.terminate();
    });
    expect((await newCall(losing.gatewayUrl).run()).failure).toBe('the media socket was lost');
    const completing = await server(({ type }, say) => {
      if (type === 'open') say('disconnect', { reason: 'completed', outputVariables: { DONE: 'yes' } });
    });
    const completed = await newCall(completing.gatewayUrl).run();
    expect(completed.failure).toBeUndefined();
    expect(completed.session?.disconnect).toEqual({
      reason: 'completed',
      info: undefined,
      outputVariables: { DONE: 'yes' },
    });
  });

  it('hangs up after its longest time', async () => {
    const { gatewayUrl } = await server();
    const record = await newCall(gatewayUrl, { maxCallMs: 100 }).run();
    expect(record.stream?.endedBy).toBe('caller');
  });
});
