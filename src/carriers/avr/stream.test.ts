import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeAmi } from '../../../test/support/avr-ami.ts';
import { type CoreExchange, type ServedAvr, serveAvr } from '../../../test/support/avr-host.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { CallOverrides } from '../carrier.ts';
import { emptyRecord, type HeardCall, TestHost } from '../testing/test-host.ts';
import type { AvrLeg } from './leg.ts';
import { AvrStream, avrStreamLimits } from './stream.ts';

let clock: VirtualClock;
let host: TestHost;
let ami: FakeAmi;
let served: ServedAvr;
let connected: Promise<void>;

beforeEach(async () => {
  clock = new VirtualClock();
  host = new TestHost(clock);
  const { promise, resolve } = Promise.withResolvers<void>();
  connected = promise;
  host.onConnected = () => resolve();
  ami = await FakeAmi.start();
  served = await serveAvr(host, { amiUrl: ami.url });
});
afterEach(async () => {
  await served.close();
  await ami.close();
});

/** A call that is live. */
async function open(headers: Record<string, string> = { 'x-uuid': 'u1' }) {
  const exchange: CoreExchange = served.exchange(headers);
  await connected;
  return { exchange, call: host.calls[0] as HeardCall };
}

const heard = ({ audio }: HeardCall): Buffer => Buffer.concat(audio.map(({ chunk }) => chunk.bytes()));
const frame = (value: number): Buffer => Buffer.alloc(320, value);

describe('a call over HTTP', () => {
  it('000 POST /speech-to-speech-stream: the answer begins at once, while the caller is still looked up', async () => {
    const found = Promise.withResolvers<CallOverrides>();
    host.found = found.promise;
    const exchange = served.exchange({ 'x-uuid': 'u1' });
    const response = await exchange.response;
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
    });
    expect(host.calls).toEqual([]);
    exchange.send(frame(1));
    found.resolve({ greeting: 'Hi.' });
    await connected;
    const [call] = host.calls as [HeardCall];
    await call.audioOf(1);
    expect(heard(call)).toEqual(frame(1));
    expect(call.overrides).toEqual({ greeting: 'Hi.' });
    expect(call.leg).toMatchObject({ carrier: 'avr', carrierCallId: 'u1' });
    expect(call.leg.playback).toMatchObject({
      buffering: 'paced',
      acknowledges: 'nothing',
      continuousMedia: false,
      delivery: { frameMs: 20 },
    });
  });

  it('000 X-UUID: is read, and X-AVR-UUID in its place; without both the call has an id of its own', async () => {
    await open({ 'x-avr-uuid': 'u2' });
    expect(host.calls[0]?.leg.carrierCallId).toBe('u2');
    served.exchange({});
    await new Promise<void>((resolve) => {
      host.onConnected = () => resolve();
    });
    expect(host.calls[1]?.leg.carrierCallId).toMatch(/^[\da-f-]{36}$/);
  });

  it('carries audio both ways at the same time', async () => {
    const { exchange, call } = await open();
    const response = await exchange.response;
    for (let n = 1; n <= 3; n++) {
      exchange.send(frame(n));
      call.leg.play(AudioChunk.fromBytes(frame(100 + n)));
      await Promise.all([call.audioOf(n), once(response, 'data')]);
    }
    call.leg.clear();
    call.leg.mark('m');
    exchange.hangUp();
    const { audio, whole } = await exchange.ended;
    expect(whole).toBe(true);
    expect(audio).toEqual(Buffer.concat([frame(101), frame(102), frame(103)]));
    expect(heard(call)).toEqual(Buffer.concat([frame(1), frame(2), frame(3)]));
    expect(call.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
    expect(ami.requests).toEqual([]);
  });

  it('000 odd chunks: half samples are put together, whatever the network cuts', async () => {
    const { exchange, call } = await open();
    const all = Buffer.from(Uint8Array.from({ length: 1000 }, (_, at) => at % 251));
    let sent = 0;
    for (const size of [1, 1, 3, 5, 319, 1, 321, 349]) {
      exchange.send(all.subarray(sent, sent + size));
      sent += size;
      // Each piece is a chunk of its own on the wire.
      await new Promise((resolve) => setImmediate(resolve));
    }
    exchange.hangUp();
    await call.ended;
    for (const { chunk } of call.audio) expect(chunk.byteLength % 2).toBe(0);
    expect(heard(call)).toEqual(all);
  });

  it('000 error before the first byte: JSON 500 for a call that cannot be taken', async () => {
    host.full = new PatchcordError('PATCHCORD_CALL_LIMIT');
    const exchange = served.exchange({ 'x-uuid': 'u1' });
    const response = await exchange.response;
    expect(response.statusCode).toBe(500);
    expect(response.headers['content-type']).toBe('application/json');
    expect(JSON.parse((await exchange.ended).audio.toString())).toMatchObject({ message: host.full.message });
    expect(host.codes).toEqual(['PATCHCORD_CALL_LIMIT']);
    expect(host.lookedUp).toEqual([]);
  });

  it('000 error after the first byte: the answer ends in order', async () => {
    const found = Promise.withResolvers<CallOverrides>();
    host.found = found.promise;
    const exchange = served.exchange({ 'x-uuid': 'u1' });
    await exchange.response;
    host.full = new PatchcordError('PATCHCORD_CALL_LIMIT');
    found.resolve({});
    expect(await exchange.ended).toEqual({ audio: Buffer.alloc(0), whole: true });
    expect(host.codes).toEqual(['PATCHCORD_CALL_LIMIT']);
  });

  it('ends the answer in order when the model has failed', async () => {
    const { exchange, call } = await open();
    call.leg.play(AudioChunk.fromBytes(frame(1)));
    await call.leg.hangUp('model-failed', emptyRecord);
    expect(await exchange.ended).toEqual({ audio: frame(1), whole: true });
    expect(call.log.at(-1)).toBe('ended hung-up');
  });

  it('hangs up the channel, ends the answer, and cuts off a peer that goes on', async () => {
    const { exchange, call } = await open();
    await call.leg.hangUp('agent', emptyRecord);
    expect(ami.requests).toEqual([{ path: '/hangup', body: { uuid: 'u1' } }]);
    expect((await exchange.ended).whole).toBe(true);
    const gone = new Promise((resolve) => exchange.request.on('close', resolve));
    clock.advance(3000);
    await gone;
    expect(call.ends).toEqual([{ reason: 'hung-up' }]);
    expect(clock.pending).toBe(0);
  });

  it('is lost when the peer goes without ending its request', async () => {
    const { exchange, call } = await open();
    exchange.request.destroy();
    expect(await call.ended).toEqual({ reason: 'connection-lost' });
    call.leg.play(AudioChunk.fromBytes(frame(1)));
    await call.leg.hangUp('agent', emptyRecord);
    expect(call.ends).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('is given up when the peer does not read, without ending the call inside play()', async () => {
    const { exchange, call } = await open();
    (await exchange.response).pause();
    // More than the buffers of both systems hold.
    for (let n = 0; n < 200 && call.ends.length === 0; n++) {
      for (let m = 0; m < 100; m++) call.leg.play(AudioChunk.fromBytes(Buffer.alloc(3200, 1)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await call.ended).toEqual({ reason: 'connection-lost' });
  });

  it('keeps no connection whose peer has had the whole answer and does not end its side', async () => {
    const socket = connect(served.port, '127.0.0.1');
    const pieces: string[] = [];
    socket.on('data', (piece) => pieces.push(String(piece)));
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('POST /speech-to-speech-stream HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n');
    await connected;
    await host.calls[0]?.leg.hangUp('agent', emptyRecord);
    await expect.poll(() => pieces.join('').endsWith('\r\n0\r\n\r\n')).toBe(true);
    expect(clock.pending).toBe(1);
    clock.advance(3000);
    await closed;
    expect(clock.pending).toBe(0);
  });

  it('keeps no connection whose peer has ended its side and does not read ours', async () => {
    const { promise: made, resolve } = Promise.withResolvers<ServerResponse>();
    const limits = { ...avrStreamLimits, backlogBytes: Number.POSITIVE_INFINITY };
    const server = createServer((request, response) => {
      const leg = { mediaEnded: () => undefined, audio: () => undefined } as unknown as AvrLeg;
      const stream = new AvrStream(
        request,
        response,
        { clock, take: () => leg, refused: () => undefined },
        limits,
      );
      stream.play(AudioChunk.fromBytes(Buffer.alloc(32_000_000)));
      request.once('close', () => resolve(response));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    const response = await made;
    const closed = once(response, 'close');
    clock.advance(3000);
    await closed;
    socket.destroy();
    server.close();
  });

  it('ends when the peer sends many times real time', async () => {
    const { exchange, call } = await open();
    exchange.send(Buffer.alloc(399_000));
    await call.audioOf(1);
    exchange.send(Buffer.alloc(1000));
    const { error, reason } = await call.ended;
    expect([reason, error?.code]).toEqual(['protocol-error', 'PATCHCORD_PEER_FLOOD']);
    expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
    expect((await exchange.ended).whole).toBe(true);
  });

  it('takes the audio of a stall at once, and again later, but not one after the other', async () => {
    const { exchange, call } = await open();
    for (let round = 0; round < 3; round++) {
      exchange.send(Buffer.alloc(200_000));
      exchange.send(Buffer.alloc(190_000));
      await waitFor(call, (round + 1) * 390_000);
      clock.advance(4000);
    }
    expect(call.ends).toEqual([]);
    exchange.send(Buffer.alloc(200_000));
    exchange.send(Buffer.alloc(220_000));
    exchange.send(Buffer.alloc(390_000));
    expect((await call.ended).error?.code).toBe('PATCHCORD_PEER_FLOOD');
  });

  it('ends as transferred when the channel was redirected', async () => {
    const { exchange, call } = await open();
    expect(await call.leg.transfer?.({ to: '600' })).toEqual({ transferred: true });
    expect(ami.requests).toEqual([
      { path: '/transfer', body: { uuid: 'u1', exten: '600', context: 'demo', priority: 1 } },
    ]);
    exchange.hangUp();
    expect(await call.ended).toEqual({ reason: 'transferred' });
  });
});

async function waitFor(call: HeardCall, bytes: number): Promise<void> {
  while (heard(call).length < bytes) await call.audioOf(call.audio.length + 1);
}
