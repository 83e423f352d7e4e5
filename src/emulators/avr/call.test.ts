import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { SystemClock } from '../../base/clock.ts';
import { generateSpeech } from '../phone/caller-audio.ts';
import { FakeAmiHelper } from './ami-helper.ts';
import { FakeAvrCall, type FakeAvrCallOptions } from './call.ts';

const clock = new SystemClock();
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

type Message = Readonly<Record<string, unknown>>;

/** A connector of the plainest kind, which knows nothing of the gateway. */
async function connector(onMessage: (message: Message, socket: WebSocket) => void = () => undefined) {
  const urls: string[] = [];
  const messages: Message[] = [];
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket, request) => {
    urls.push(request.url ?? '');
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      messages.push(message);
      onMessage(message, socket);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  open.push(async () => {
    for (const peer of sockets.clients) peer.terminate();
    await new Promise<void>((resolve) => http.close(() => resolve()));
  });
  return { gatewayUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, urls, messages };
}

function say(socket: WebSocket, message: object): void {
  socket.send(JSON.stringify(message));
}

function speak(socket: WebSocket, ms: number, frameMs = 20): void {
  const audio = Buffer.alloc(frameMs * 16, 5).toString('base64');
  for (let at = 0; at < ms; at += frameMs) say(socket, { type: 'audio', audio });
}

function newCall(gatewayUrl: string, options: Partial<FakeAvrCallOptions> = {}): FakeAvrCall {
  return new FakeAvrCall({ clock, gatewayUrl, ...options });
}

describe('FakeAvrCall', () => {
  it('connects without a path, tells who calls in the query, inits, speaks, presses keys, hangs up', async () => {
    const { gatewayUrl, urls, messages } = await connector();
    const record = await newCall(gatewayUrl, {
      uuid: 'u-1',
      from: '2000',
      to: '5001',
      metadata: { channel: 'PJSIP/2000-1' },
      steps: [{ do: 'speak', audio: generateSpeech(100) }, { do: 'digits', digits: '7' }, { do: 'hangup' }],
    }).run();
    expect(record).toMatchObject({ failure: undefined, uuid: 'u-1', transfer: undefined });
    expect(record.stream).toMatchObject({ endedBy: 'caller', violationCount: 0 });
    expect(urls[0]).toMatch(/^\/\?from=2000&to=5001&uniqueid=\d+\.1&channel=PJSIP%2F2000-1$/);
    expect(messages[0]).toEqual({ type: 'init', uuid: 'u-1' });
    const audio = messages.filter(({ type }) => type === 'audio');
    expect(audio.length).toBeGreaterThanOrEqual(5);
    expect(audio.every((one) => Buffer.from(String(one.audio), 'base64').length === 320)).toBe(true);
    expect(messages.filter(({ type }) => type === 'dtmf_digit')).toEqual([
      { type: 'dtmf_digit', digit: '7' },
    ]);
  });

  it('knows nothing but the uuid where the core is old', async () => {
    const { gatewayUrl, urls } = await connector();
    await newCall(gatewayUrl, { tellsMetadata: false, steps: [{ do: 'hangup' }] }).run();
    expect(urls).toEqual(['/']);
  });

  it('plays what it gets in real time, and drops it at an interruption', async () => {
    const { gatewayUrl } = await connector(({ type }, socket) => {
      if (type !== 'init') return;
      speak(socket, 2000);
      setTimeout(() => say(socket, { type: 'interruption' }), 150);
    });
    const record = await newCall(gatewayUrl, { maxCallMs: 400 }).run();
    expect(record.session).toMatchObject({ audioMessages: 100, interruptions: 1 });
    expect(record.stream?.playedMs).toBeGreaterThan(100);
    expect(record.stream?.playedMs).toBeLessThan(300);
    expect(record.stream?.clears).toHaveLength(1);
  });

  it('keeps transcripts, errors and ready, and finds audio of another size', async () => {
    const { gatewayUrl } = await connector(({ type }, socket) => {
      if (type === 'reset') return socket.close();
      if (type !== 'init') return;
      speak(socket, 30, 30);
      say(socket, { type: 'transcript', role: 'user', text: 'hello' });
      say(socket, { type: 'transcript', role: 'agent', text: 'hi' });
      say(socket, { type: 'error', message: 'the model is away' });
      say(socket, { type: 'ready', message: 'Session ready' });
    });
    const call = newCall(gatewayUrl, { maxCallMs: 2000 });
    const running = call.run();
    setTimeout(() => call.initAgain(), 50);
    setTimeout(() => call.reset(), 100);
    const record = await running;
    const said = [
      { role: 'user', text: 'hello' },
      { role: 'agent', text: 'hi' },
    ];
    expect(record.session).toMatchObject({
      transcripts: [...said, ...said],
      errors: ['the model is away', 'the model is away'],
      ready: 2,
    });
    expect(record.stream?.violations.map(({ kind }) => kind)).toEqual([
      'wrong-audio-size',
      'wrong-audio-size',
    ]);
    expect(record.stream?.endedBy).toBe('gateway');
  });

  it('is hung up and transferred by the AMI helper, which forgets the channel after it', async () => {
    const ami = new FakeAmiHelper();
    const url = await ami.listen();
    open.push(() => ami.close());
    const ask = (path: string, body: object) =>
      fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) }).then(({ status }) => status);
    const statuses: Promise<number>[] = [];
    const { gatewayUrl } = await connector(({ type, uuid }) => {
      if (type !== 'init') return;
      const target = { exten: '600', context: 'demo', priority: 1 };
      statuses.push(uuid === 'u-1' ? ask('/hangup', { uuid }) : ask('/transfer', { uuid, ...target }));
    });
    const hungUp = await newCall(gatewayUrl, { ami, uuid: 'u-1' }).run();
    expect(hungUp.stream).toMatchObject({ endedBy: 'gateway', violationCount: 0 });
    const transferred = await newCall(gatewayUrl, { ami, uuid: 'u-2' }).run();
    expect(transferred.transfer).toEqual({ exten: '600', context: 'demo', priority: 1 });
    expect(await Promise.all(statuses)).toEqual([200, 200]);
    expect(await ask('/hangup', { uuid: 'u-1' })).toBe(404);
  });

  it('has a channel of which the helper knows the number', async () => {
    const ami = new FakeAmiHelper();
    const url = await ami.listen();
    open.push(() => ami.close());
    const body = JSON.stringify({ uuid: 'u-1' });
    const told: Promise<unknown>[] = [];
    const { gatewayUrl } = await connector((_message, socket) => {
      if (told.length > 0) return;
      told.push(fetch(`${url}/variables`, { method: 'POST', body }).then((answer) => answer.json()));
      void told[0]?.finally(() => socket.close());
    });
    await newCall(gatewayUrl, { ami, uuid: 'u-1', from: '2000' }).run();
    expect(await told[0]).toEqual({ phoneNumber: '2000', channel: 'PJSIP/2000-00000001' });
  });

  it('has no line where the caller hangs up before the connector has answered', async () => {
    const { gatewayUrl } = await connector();
    const call = newCall(gatewayUrl);
    const running = call.run();
    call.hangUp();
    expect(await running).toMatchObject({ failure: undefined, answeredAtMs: undefined, stream: undefined });
  });

  it('says why when nobody takes the call, or the socket is lost', async () => {
    const http = createServer().listen(0, '127.0.0.1');
    http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'));
    open.push(async () => {
      await new Promise<void>((resolve) => http.close(() => resolve()));
    });
    await new Promise<void>((resolve) => http.once('listening', () => resolve()));
    const shut = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    expect((await newCall(shut).run()).failure).toContain('HTTP 403');
    const { gatewayUrl } = await connector((_message, socket) => socket.terminate());
    expect((await newCall(gatewayUrl).run()).failure).toBe('the socket was lost');
  });
});
