import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Announcement, Carrier } from '../carrier.ts';
import { SocketServer } from '../socket-server.ts';
import { Counter, emptyRecord, type HeardCall, TestHost } from '../testing/test-host.ts';
import { type AsteriskSettings, asteriskCarrier } from './carrier.ts';

const settings: AsteriskSettings = { wsUsername: 'asterisk', wsPassword: 'secret', maxQueuedMs: 10_000 };
const authorization = `Basic ${Buffer.from('asterisk:secret').toString('base64')}`;

let host: TestHost;
let carrier: Carrier;
let server: Server;
let sockets: SocketServer;
const peers: WebSocket[] = [];

async function serve(given = settings): Promise<void> {
  host = new TestHost(new VirtualClock());
  carrier = asteriskCarrier(given, host);
  sockets = new SocketServer(carrier.sockets, host.clock, silentLogger);
  server = createServer();
  server.on('upgrade', sockets.upgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

beforeEach(() => serve());

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.terminate();
  carrier.close();
  sockets.close();
  server.close();
  await once(server, 'close');
});

/** The upgrade as Asterisk sends it: a subprotocol and credentials, no extensions. */
function dial(target = '/asterisk', headers: Record<string, string> = { authorization }): WebSocket {
  const { port } = server.address() as AddressInfo;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`, 'media', {
    headers,
    perMessageDeflate: false,
  });
  socket.on('error', () => socket.terminate());
  peers.push(socket);
  return socket;
}

/** The status that an upgrade is refused with. */
async function refusedWith(socket: WebSocket): Promise<number | undefined> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  response.resume();
  return response.statusCode;
}

interface Started {
  readonly socket: WebSocket;
  readonly heard: HeardCall;
  readonly got: string[];
  messages(count: number): Promise<void>;
}

async function call(fields: object = {}, target = '/asterisk'): Promise<Started> {
  const socket = dial(target);
  const got: string[] = [];
  const counter = new Counter();
  socket.on('message', (data, isBinary) => {
    got.push(isBinary ? `audio ${(data as Buffer).length}` : data.toString());
    counter.count();
  });
  await once(socket, 'open');
  socket.send(
    JSON.stringify({
      event: 'MEDIA_START',
      channel_id: '1795187503.4',
      format: 'ulaw',
      optimal_frame_size: 160,
      ptime: 20,
      ...fields,
    }),
  );
  await counter.reached(1);
  return { socket, heard: host.calls.at(-1) as HeardCall, got, messages: (count) => counter.reached(count) };
}

function announcement(fields: Partial<Announcement> = {}): Announcement {
  return { carrierCallId: '1795187503.4', variables: {}, overrides: {}, ...fields };
}

describe('an upgrade to /asterisk', () => {
  it.each(['/asterisk', '/asterisk/media', '/asterisk/a/b?c=d'])('is taken at %s', async (target) => {
    const socket = dial(target);
    await once(socket, 'open');
    expect(socket.protocol).toBe('media');
  });

  it('needs no subprotocol', async () => {
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/asterisk`, { headers: { authorization } });
    peers.push(socket);
    await once(socket, 'open');
    expect(socket.protocol).toBe('');
  });

  it.each([{}, { authorization: 'Basic AAAA' }])('is refused with %j', async (headers) => {
    expect(await refusedWith(dial('/asterisk', headers as Record<string, string>))).toBe(401);
    expect(host.refusals).toEqual([{ code: 'PATCHCORD_UNAUTHORIZED', fields: { status: 401 } }]);
  });

  it('is asked for HTTP Basic credentials, which a client may not send before', async () => {
    const [, response] = await once(dial('/asterisk', {}), 'unexpected-response');
    response.resume();
    expect(response.headers['www-authenticate']).toBe('Basic realm="patchcord"');
  });

  it('is refused whatever it brings while no credentials are set', async () => {
    server.close();
    await serve({ maxQueuedMs: 10_000 });
    expect(await refusedWith(dial())).toBe(401);
    expect(host.refusals).toEqual([
      { code: 'PATCHCORD_UNAUTHORIZED', fields: { status: 401, setting: 'ASTERISK_WS_USERNAME' } },
    ]);
    expect(carrier.announce).toBeUndefined();
  });
});

describe('a call of the WebSocket channel', () => {
  it('goes both ways and ends when the phone hangs up', async () => {
    const { socket, heard, got, messages } = await call();
    socket.send(Buffer.alloc(160, 7));
    socket.send(JSON.stringify({ event: 'DTMF_END', channel_id: '1795187503.4', digit: '5' }));
    await heard.audioOf(1);
    heard.leg.play(AudioChunk.fromBytes(Buffer.alloc(8000)));
    heard.leg.mark('p1');
    heard.leg.clear();
    await messages(4);
    socket.close(1000);
    expect(await heard.ended).toEqual({ reason: 'hung-up' });
    expect(heard.log).toEqual(['answered', 'connected', 'audio', 'digit 5', 'ended hung-up']);
    expect(heard.leg).toMatchObject({
      carrier: 'asterisk',
      carrierCallId: '1795187503.4',
      party: { direction: 'inbound', variables: {} },
      receives: { encoding: 'pcmu', sampleRate: 8000 },
      sends: { encoding: 'pcmu', sampleRate: 8000 },
    });
    expect(got).toEqual([
      '{"command":"ANSWER"}',
      'audio 8000',
      '{"command":"MARK_MEDIA","correlation_id":"p1"}',
      '{"command":"FLUSH_MEDIA"}',
    ]);
    expect(host.refusals).toEqual([]);
  });

  it('is hung up with HANGUP and a close', async () => {
    const { socket, heard, got, messages } = await call();
    const closed = once(socket, 'close');
    const done = heard.leg.hangUp('agent', emptyRecord);
    await messages(2);
    expect(got.at(-1)).toBe('{"command":"HANGUP"}');
    expect((await closed)[0]).toBe(1000);
    await done;
    expect(heard.log.at(-1)).toBe('ended hung-up');
  });

  it('has an id where an early version gives none', async () => {
    const { heard } = await call({ channel_id: undefined });
    expect(heard.leg.carrierCallId).toMatch(/^asterisk-[0-9a-f-]{36}$/);
  });

  it('knows the numbers and variables that the dialplan gives it', async () => {
    const { heard } = await call(
      { channel_variables: { patchcord_from: '+15550001111', queue: 'sales', patchcord_call: 'none' } },
      '/asterisk?queue=stale&patchcord_from=stale&patchcord_to=%2B15550002222&tenant=a',
    );
    expect(heard.leg.party).toEqual({
      from: '+15550001111',
      to: '+15550002222',
      direction: 'inbound',
      variables: { queue: 'sales', tenant: 'a' },
    });
  });

  it.each(['g722', 'opus', 'slin12', 'slin96'])('is refused in %s', async (format) => {
    const socket = dial();
    const got: string[] = [];
    socket.on('message', (data) => got.push(data.toString()));
    await once(socket, 'open');
    const closed = once(socket, 'close');
    socket.send(`MEDIA_START channel:a channel_id:1.2 format:${format} optimal_frame_size:160`);
    expect((await closed)[0]).toBe(1003);
    expect(got).toEqual(['HANGUP']);
    expect(host.calls).toEqual([]);
    expect(host.refusals).toEqual([
      {
        code: 'PATCHCORD_AUDIO_FORMAT',
        fields: { format, closed: true, closeCode: 1003, carrierCallId: '1.2' },
      },
    ]);
  });

  it.each([
    [new PatchcordError('PATCHCORD_DRAINING'), 'PATCHCORD_DRAINING'],
    [new Error('a bug') as PatchcordError, 'PATCHCORD_INTERNAL'],
  ])('is refused where it is not taken: %s', async (thrown, code) => {
    host.full = thrown;
    const { socket, got } = await call();
    await once(socket, 'close');
    expect(got).toEqual(['{"command":"HANGUP"}']);
    expect(host.codes).toEqual([code]);
  });

  it('with a message that is too large ends, and no other', async () => {
    const other = await call();
    const { socket, heard } = await call({ channel_id: '1.3' });
    socket.send(Buffer.alloc(65_537));
    expect(await heard.ended).toMatchObject({ error: { code: 'PATCHCORD_MESSAGE_TOO_LARGE' } });
    other.socket.send(Buffer.alloc(160));
    await other.heard.audioOf(1);
    expect(other.heard.ends).toEqual([]);
  });
});

describe('an announced call', () => {
  const said = {
    from: '+15550001111',
    variables: { order: '7' },
    overrides: { greeting: 'Hello' },
  };

  it('is known by its channel id', async () => {
    carrier.announce?.(announcement(said));
    const { heard } = await call();
    expect(heard.overrides).toEqual({ greeting: 'Hello' });
    expect(heard.leg.party).toMatchObject({ from: '+15550001111', variables: { order: '7' } });
  });

  it.each<[string, object, string]>([
    ['a variable of its channel', { channel_variables: { patchcord_call: 'call-7' } }, '/asterisk'],
    ['a parameter of the address', {}, '/asterisk?patchcord_call=call-7'],
  ])('is known by %s', async (_, fields, target) => {
    carrier.announce?.(announcement({ ...said, carrierCallId: 'call-7' }));
    const { heard } = await call(fields, target);
    expect(heard.overrides).toEqual({ greeting: 'Hello' });
    expect(heard.leg.carrierCallId).toBe('1795187503.4');
    expect(heard.leg.party.variables).toEqual({ order: '7' });
  });

  it('comes once, though the parameter may come again', async () => {
    carrier.announce?.(announcement({ ...said, carrierCallId: 'call-7' }));
    await call({}, '/asterisk?patchcord_call=call-7');
    const { heard } = await call({ channel_id: '1.3' }, '/asterisk?patchcord_call=call-7');
    expect(heard.overrides).toEqual({});
  });
});
