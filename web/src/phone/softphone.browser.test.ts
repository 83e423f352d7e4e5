import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import type { EventsMessage, StatusReply } from '../../../src/api/contract.ts';
import { AudioChunk } from '../../../src/audio/chunk.ts';
import { levelDbfs } from '../../../src/audio/level.ts';
import { sine } from '../../../src/audio/tones.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Leg } from '../../../src/call/leg.ts';
import type { CarrierHost } from '../../../src/carriers/carrier.ts';
import { softphoneCarrier, softphoneDefaults } from '../../../src/carriers/softphone/carrier.ts';
import { chromiumPath, launchChromium } from '../../../test/support/chromium.ts';

const dist = join(import.meta.dirname, '../../dist');
const policy = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'";
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const status: StatusReply = {
  version: '0',
  model: { name: 'demo voice', demo: true },
  carriers: [],
  draining: false,
  liveCalls: 0,
  maxCalls: 1,
};

/** What the call saw of the browser, with the time at which it saw it. */
class Seen {
  readonly told: { readonly what: string; readonly atMs: number }[] = [];
  readonly frames: Buffer[] = [];
  #waiting: (() => void)[] = [];

  tell(what: string): void {
    this.told.push({ what, atMs: performance.now() });
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async first(what: string): Promise<number> {
    await this.until(() => this.told.some((one) => one.what === what));
    return this.told.find((one) => one.what === what)?.atMs ?? Number.NaN;
  }
}

if (chromiumPath === undefined) console.warn('the console in a real browser is skipped: chromium not found');

describe.skipIf(chromiumPath === undefined)('the console in a real browser', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  let leg: Leg | undefined;
  const seen = new Seen();
  const problems: string[] = [];
  /** Text that the page sent on its socket, whatever the gateway makes of it. */
  const sent: string[] = [];

  beforeAll(async () => {
    server = serve((made) => {
      leg = made;
      made.attach({
        answered: () => undefined,
        connected: () => seen.tell('connected'),
        audio: (chunk) => {
          seen.frames.push(chunk.bytes());
          seen.tell('audio');
        },
        digit: (digit) => seen.tell(`digit ${digit}`),
        played: (played) => seen.tell(played.type === 'mark' ? played.name : played.type),
        ended: (end) => seen.tell(`ended ${end.reason}`),
      });
    });
    await once(server, 'listening');
    browser = await launchChromium();
    page = await browser.newPage({ permissions: ['microphone'] });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        if (typeof payload === 'string') sent.push(payload);
      });
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await seen.first('connected');
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const theLeg = (): Leg => {
    if (leg === undefined) throw new Error('there is no call');
    return leg;
  };

  const tone = (ms: number) => AudioChunk.fromBytes(new Uint8Array(sine(440, ms, 24_000).buffer));

  it('sends the microphone as frames of 20 ms that never pause', async () => {
    const beginMs = performance.now();
    const before = seen.frames.length;
    await seen.until(() => seen.frames.length >= before + 100);
    const perSecond = 100_000 / (performance.now() - beginMs);
    expect(perSecond).toBeGreaterThan(40);
    expect(perSecond).toBeLessThan(60);
    expect(new Set(seen.frames.map((frame) => frame.length))).toEqual(new Set([960]));
    // Chromium's stand-in for a microphone beeps once a second.
    const all = Buffer.concat(seen.frames);
    expect(
      levelDbfs(new Int16Array(all.buffer.slice(all.byteOffset, all.byteOffset + all.length))),
    ).toBeGreaterThan(-60);
  });

  it('gives a mark back when the audio before it was played, neither earlier nor much later', async () => {
    const call = theLeg();
    const sentMs = performance.now();
    for (const name of ['m1', 'm2', 'm3']) {
      call.play(tone(300));
      call.mark(name);
    }
    for (const [index, name] of ['m1', 'm2', 'm3'].entries()) {
      const late = (await seen.first(name)) - sentMs - 300 * (index + 1);
      expect(late).toBeGreaterThan(-10);
      expect(late).toBeLessThan(250);
    }
    call.mark('idle');
    await seen.first('idle');
  });

  it('is silent at a clear and never returns the marks that it dropped', async () => {
    const call = theLeg();
    call.play(tone(200));
    call.mark('heard');
    call.play(tone(5000));
    call.mark('dropped');
    await seen.first('heard');
    call.clear();
    const clearedMs = performance.now();
    call.mark('after');
    expect((await seen.first('after')) - clearedMs).toBeLessThan(1000);
    expect(sent.filter((text) => text.includes('heard'))).toHaveLength(1);
    expect(sent.filter((text) => text.includes('dropped'))).toEqual([]);
  });

  it('dials with the keyboard, but not while the user types', async () => {
    await page.getByLabel('Search the events').fill('7');
    await page.getByLabel('Search the events').press('8');
    await page.getByRole('button', { name: 'Mute' }).focus();
    await page.keyboard.press('5');
    await seen.first('digit 5');
    expect(seen.told.filter(({ what }) => what.startsWith('digit'))).toHaveLength(1);
  });

  it('sends silence while it is muted', async () => {
    await page.getByRole('button', { name: 'Mute' }).click();
    const before = seen.frames.length;
    await seen.until(() => seen.frames.length >= before + 80);
    expect(seen.frames.slice(before + 10).every((frame) => frame.every((byte) => byte === 0))).toBe(true);
  });

  it('hangs up, and nothing went wrong on the page under its content policy', async () => {
    await page.getByRole('button', { name: 'Hang up', exact: true }).click();
    await seen.first('ended hung-up');
    await page.getByRole('button', { name: 'Call', exact: true }).waitFor();
    expect(problems).toEqual([]);
  });
});

/** The built page, a status, an empty event stream, and the real carrier under a call that only watches. */
function serve(accept: (leg: Leg) => void): Server {
  const host: CarrierHost = {
    clock: new SystemClock(),
    log: silentLogger,
    publicUrl: undefined,
    allowsUnsigned: () => false,
    admission: () => ({ admitted: true }),
    lookUp: () => Promise.resolve({}),
    accept: (leg) => {
      accept(leg);
      return { callId: 'call-1' };
    },
    refused: (_, error) => {
      throw error;
    },
  };
  const route = softphoneCarrier(softphoneDefaults, host, { authorize: () => ({ accept: true }) }).sockets[0];
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer(async (request, response) => {
    const path = request.url === '/' ? '/index.html' : (request.url ?? '/');
    if (path === '/v1/status') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(status));
      return;
    }
    const headers = { 'content-type': types[extname(path)] ?? '', 'content-security-policy': policy };
    response.writeHead(200, headers).end(await readFile(join(dist, path)));
  });
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (peer) => {
      const snapshot: EventsMessage = { type: 'snapshot', calls: [] };
      if (route?.recognises(request) === true) route.connect(peer, request);
      else peer.send(JSON.stringify(snapshot));
    });
  });
  return server.listen(0, '127.0.0.1');
}
