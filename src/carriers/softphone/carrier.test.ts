import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Leg, LegEvents } from '../../call/leg.ts';
import type { Carrier, CarrierHost } from '../carrier.ts';
import { emptyRecord } from '../testing/test-host.ts';
import { softphoneCarrier, softphoneDefaults } from './carrier.ts';

/** What the gateway does for the carrier, and what a call would see of the leg. */
class FakeHost {
  readonly clock = new VirtualClock();
  readonly told: unknown[][] = [];
  readonly refusals: string[] = [];
  leg: Leg | undefined;
  full = false;
  #waiting: (() => void)[] = [];

  readonly host: CarrierHost = {
    clock: this.clock,
    log: silentLogger,
    publicUrl: undefined,
    allowsUnsigned: () => false,
    admission: () => ({ admitted: true }),
    lookUp: () => Promise.resolve({}),
    accept: (leg, extras) => {
      if (this.full) throw new PatchcordError('PATCHCORD_CALL_LIMIT');
      this.leg = leg;
      leg.attach(this.#events());
      this.#tell('accepted', extras?.overrides);
      return { callId: 'call-1' };
    },
    refused: (_, error) => this.refusals.push(error.code),
  };

  /** Settles once the call was told `what`. */
  async waitFor(what: string): Promise<unknown[]> {
    for (;;) {
      const found = this.told.find(([name]) => name === what);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #tell(...what: unknown[]): void {
    this.told.push(what);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #events(): LegEvents {
    return {
      answered: () => this.#tell('answered'),
      connected: () => this.#tell('connected'),
      audio: (chunk) => this.#tell('audio', chunk.bytes().toString('hex')),
      digit: (digit) => this.#tell('digit', digit),
      played: (played) => this.#tell('played', played),
      ended: (end) => this.#tell('ended', end.reason, end.error?.code),
    };
  }
}

/** A page at the other end of the socket. */
class FakePage {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly got: unknown[] = [];
  #waiting: (() => void)[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.closed = once(this.socket, 'close').then(([code]) => code as number);
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.got.push(isBinary ? data.toString('hex') : JSON.parse(data.toString()));
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  send(value: object): void {
    this.socket.send(JSON.stringify(value));
  }

  async start(fields: object = {}): Promise<void> {
    await once(this.socket, 'open');
    this.send({ type: 'start', sampleRate: 24000, ...fields });
  }

  async receive(count: number): Promise<unknown[]> {
    while (this.got.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.got;
  }
}

describe('the softphone carrier', () => {
  let fake: FakeHost;
  let carrier: Carrier;
  let server: Server;
  let url: string;
  const pages: FakePage[] = [];

  beforeEach(async () => {
    fake = new FakeHost();
    carrier = softphoneCarrier({ ...softphoneDefaults, maxPendingMarks: 3 }, fake.host, {
      authorize: () => ({ accept: true }),
    });
    const route = carrier.sockets[0];
    const sockets = new WebSocketServer({ noServer: true, maxPayload: route?.maxPayloadBytes ?? 0 });
    server = createServer();
    server.on('upgrade', (request, socket, head) => {
      if (route?.recognises(request) === true) {
        sockets.handleUpgrade(request, socket, head, (peer) => route.connect(peer, request));
      } else socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/softphone`;
  });

  afterEach(async () => {
    carrier.close();
    for (const page of pages.splice(0)) page.socket.terminate();
    server.close();
    await once(server, 'close');
  });

  function open(): FakePage {
    const page = new FakePage(url);
    pages.push(page);
    return page;
  }

  async function call(fields: object = {}): Promise<{ page: FakePage; leg: Leg }> {
    const page = open();
    await page.start(fields);
    await fake.waitFor('connected');
    if (fake.leg === undefined) throw new Error('no leg');
    return { page, leg: fake.leg };
  }

  it('makes a call of a browser and lets audio and digits through in order', async () => {
    const { page, leg } = await call({ greeting: 'Hello', voice: 'ash' });
    page.socket.send(Buffer.from([1, 0, 2, 0]));
    page.send({ type: 'digit', digit: '5' });
    await fake.waitFor('digit');
    expect(fake.told).toEqual([
      ['accepted', { greeting: 'Hello', voice: 'ash' }],
      ['answered'],
      ['connected'],
      ['audio', '01000200'],
      ['digit', '5'],
    ]);
    expect(leg.sends).toEqual({ encoding: 'pcm16', sampleRate: 24000 });
    expect(await page.receive(1)).toEqual([{ type: 'started', callId: 'call-1' }]);
  });

  it('speaks 16 kHz to a page that asks for it', async () => {
    const { leg } = await call({ sampleRate: 16000 });
    expect([leg.sends.sampleRate, leg.receives.sampleRate]).toEqual([16000, 16000]);
  });

  it('keeps audio, marks and clears in the order in which the call made them', async () => {
    const { page, leg } = await call();
    leg.play(AudioChunk.fromBytes(Buffer.from([1, 0])));
    leg.mark('a');
    leg.play(AudioChunk.fromBase64(Buffer.from([2, 0]).toString('base64')));
    leg.clear();
    expect((await page.receive(5)).slice(1)).toEqual([
      '0100',
      { type: 'mark', name: 'a' },
      '0200',
      { type: 'clear' },
    ]);
  });

  it('tells the call of marks that were played, and not of unknown or cleared ones', async () => {
    const { page, leg } = await call();
    leg.mark('cleared');
    leg.clear();
    leg.mark('heard');
    for (const name of ['cleared', 'made-up', 'heard', 'heard']) page.send({ type: 'mark', name });
    page.send({ type: 'digit', digit: '1' });
    await fake.waitFor('digit');
    expect(fake.told.filter(([what]) => what === 'played')).toEqual([
      ['played', { type: 'mark', name: 'heard' }],
    ]);
  });

  it('forgets the oldest mark of a page that never returns any', async () => {
    const { page, leg } = await call();
    for (const name of ['a', 'b', 'c', 'd']) leg.mark(name);
    for (const name of ['a', 'd']) page.send({ type: 'mark', name });
    expect(await fake.waitFor('played')).toEqual(['played', { type: 'mark', name: 'd' }]);
  });

  it('ends the call once when the caller hangs up', async () => {
    const { page } = await call();
    page.send({ type: 'hangup' });
    expect(await page.closed).toBe(1000);
    expect(page.got.at(-1)).toEqual({ type: 'ended', reason: 'caller-hung-up' });
    expect(fake.told.filter(([what]) => what === 'ended')).toEqual([['ended', 'hung-up', undefined]]);
  });

  it('ends the call when the page goes away', async () => {
    const { page } = await call();
    page.socket.terminate();
    expect(await fake.waitFor('ended')).toEqual(['ended', 'connection-lost', undefined]);
  });

  it('says why when the gateway hangs up, and is done when the page has closed', async () => {
    const { page, leg } = await call();
    await leg.hangUp('no-input', emptyRecord);
    expect(await page.closed).toBe(1000);
    expect(page.got.at(-1)).toEqual({ type: 'ended', reason: 'no-input' });
    leg.play(AudioChunk.fromBytes(Buffer.from([1, 0])));
    leg.mark('late');
    leg.clear();
    expect(fake.clock.pending).toBe(0);
  });

  it('cuts the socket of a page that does not answer the close', async () => {
    const { page, leg } = await call();
    page.socket.pause();
    const hungUp = leg.hangUp('operator', emptyRecord);
    fake.clock.advance(softphoneDefaults.closeDeadlineMs);
    await hungUp;
    expect(fake.clock.pending).toBe(0);
  });

  it('refuses politely when the gateway is full', async () => {
    fake.full = true;
    const page = open();
    await page.start();
    expect(await page.closed).toBe(1013);
    expect(page.got).toEqual([expect.objectContaining({ type: 'error', code: 'PATCHCORD_CALL_LIMIT' })]);
  });

  it.each<[string, (page: FakePage) => void, number, string]>([
    ['a second start', (p) => p.send({ type: 'start', sampleRate: 24000 }), 1008, 'PATCHCORD_MESSAGE_ORDER'],
    ['half a sample', (p) => p.socket.send(Buffer.alloc(3)), 1007, 'PATCHCORD_AUDIO_MALFORMED'],
    ['nonsense', (p) => p.socket.send('{'), 1007, 'PATCHCORD_MESSAGE_MALFORMED'],
    ['an endless frame', (p) => p.socket.send(Buffer.alloc(70_000)), 1009, 'PATCHCORD_MESSAGE_TOO_LARGE'],
    [
      'eleven seconds of audio at once',
      (p) => {
        for (let second = 0; second < 11; second++) p.socket.send(Buffer.alloc(48_000));
      },
      1008,
      'PATCHCORD_PEER_FLOOD',
    ],
    [
      'a thousand digits at once',
      (p) => {
        for (let i = 0; i < 1000; i++) p.send({ type: 'digit', digit: '1' });
      },
      1008,
      'PATCHCORD_PEER_FLOOD',
    ],
  ])('ends a call with a code for %s', async (_, misbehave, closeCode, code) => {
    const { page } = await call();
    misbehave(page);
    expect(await page.closed).toBe(closeCode);
    expect(await fake.waitFor('ended')).toEqual(['ended', 'protocol-error', code]);
    expect(fake.refusals).toEqual([code]);
  });

  it('cuts the socket of a page that breaks the protocol and does not answer the close', async () => {
    const { page } = await call();
    page.socket.send(Buffer.alloc(70_000));
    page.socket.pause();
    await fake.waitFor('ended');
    expect(fake.clock.pending).toBe(1);
    fake.clock.advance(softphoneDefaults.closeDeadlineMs);
    expect(fake.clock.pending).toBe(0);
    page.socket.resume();
    expect(await page.closed).toBe(1009);
  });

  it('refuses what comes before start', async () => {
    const page = open();
    await once(page.socket, 'open');
    page.socket.send(Buffer.alloc(960));
    expect(await page.closed).toBe(1008);
    expect(fake.refusals).toEqual(['PATCHCORD_MESSAGE_ORDER']);
    expect(fake.leg).toBeUndefined();
  });

  it('does not wait for a start for ever', async () => {
    const page = open();
    await once(page.socket, 'open');
    fake.clock.advance(softphoneDefaults.startDeadlineMs);
    expect(await page.closed).toBe(1008);
    fake.clock.advance(softphoneDefaults.closeDeadlineMs);
    expect(fake.clock.pending).toBe(0);
  });

  it('closes sockets that have no call yet when it is closed', async () => {
    const page = open();
    await once(page.socket, 'open');
    carrier.close();
    expect(await page.closed).toBe(1006);
    expect(fake.clock.pending).toBe(0);
  });
});
