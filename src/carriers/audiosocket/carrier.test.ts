import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Announcement, Carrier } from '../carrier.ts';
import { emptyRecord, type HeardCall, TestHost } from '../testing/test-host.ts';
import { audioSocketCarrier } from './carrier.ts';
import { Asterisk } from './testing/asterisk.ts';

const uuid = '11223344-5566-7788-99aa-bbccddeeff00';
const uuidFrame = `010010${uuid.replaceAll('-', '')}`;
const audio = (kind = '10', samples = 160): string => {
  const length = (2 * samples).toString(16).padStart(4, '0');
  return `${kind}${length}${'0102'.repeat(samples)}`;
};

let clock: VirtualClock;
let host: TestHost;
let carrier: Carrier;
let server: Server;
const callers: Asterisk[] = [];

async function serve(audioSocketAllow: readonly string[]): Promise<void> {
  carrier = audioSocketCarrier({ audioSocketPort: 0, audioSocketAllow }, host);
  server = createServer((socket) => {
    for (const listener of carrier.listeners ?? []) if (listener.kind === 'tcp') listener.connect(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

function dial(): Asterisk {
  const caller = new Asterisk((server.address() as AddressInfo).port);
  callers.push(caller);
  return caller;
}

/** Settles when the gateway has taken so many calls. */
async function taken(count = 1): Promise<HeardCall> {
  while (host.calls.length < count) await new Promise((resolve) => setImmediate(resolve));
  return host.calls[count - 1] as HeardCall;
}

/** Settles when the gateway has refused something. */
async function refused(count = 1): Promise<void> {
  while (host.refusals.length < count) await new Promise((resolve) => setImmediate(resolve));
}

async function call(kind = '10'): Promise<{ asterisk: Asterisk; heard: HeardCall }> {
  const asterisk = dial();
  asterisk.send(uuidFrame, audio(kind));
  const heard = await taken(host.calls.length + 1);
  await heard.audioOf(1);
  return { asterisk, heard };
}

function announcement(fields: Partial<Announcement> = {}): Announcement {
  return { carrierCallId: uuid, variables: {}, overrides: {}, ...fields };
}

beforeEach(() => {
  clock = new VirtualClock();
  host = new TestHost(clock);
});

afterEach(async () => {
  carrier.close();
  for (const caller of callers.splice(0)) caller.socket.destroy();
  server.close();
  await once(server, 'close');
});

describe('an AudioSocket call', () => {
  beforeEach(() => serve(['127.0.0.0/8']));

  it('is asked by its kernel every ten seconds of silence whether Asterisk still lives', async () => {
    const asked = new Promise<unknown[]>((resolve) =>
      server.prependOnceListener('connection', (socket) => {
        vi.spyOn(socket, 'setKeepAlive').mockImplementation((...settings) => {
          resolve(settings);
          return socket;
        });
      }),
    );
    dial().send(uuidFrame);
    expect(await asked).toEqual([true, 10_000]);
  });

  it('begins with its UUID, takes its rate from the first audio and ends when the phone hangs up', async () => {
    const { asterisk, heard } = await call();
    asterisk.send('03000135');
    asterisk.socket.end();
    expect(await heard.ended).toEqual({ reason: 'hung-up' });
    expect(heard.log).toEqual(['answered', 'connected', 'audio', 'digit 5', 'ended hung-up']);
    expect(heard.leg).toMatchObject({
      carrier: 'audiosocket',
      carrierCallId: uuid,
      party: { direction: 'inbound', variables: {} },
      receives: { encoding: 'pcm16', sampleRate: 8000 },
      sends: { encoding: 'pcm16', sampleRate: 8000 },
      playback: {
        buffering: 'paced',
        acknowledges: 'nothing',
        delivery: { frameMs: 20, fillsSilence: true },
      },
    });
    expect(heard.audio[0]?.chunk.bytes().toString('hex')).toBe('0102'.repeat(160));
    expect(heard.audio[0]?.timestampMs).toBeUndefined();
    expect(host.refusals).toEqual([]);
    expect(clock.pending).toBe(1);
    await asterisk.ended;
  });

  it('is heard whole, however the network cuts it', async () => {
    const asterisk = dial();
    asterisk.socket.setNoDelay(true);
    const bytes = Buffer.from(`${uuidFrame}${audio()}${audio()}0300012a`, 'hex');
    for (let at = 0; at < bytes.length; at += 97) {
      asterisk.socket.write(bytes.subarray(at, at + 97));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const heard = await taken();
    await heard.audioOf(2);
    asterisk.socket.end();
    await heard.ended;
    expect(heard.log).toEqual(['answered', 'connected', 'audio', 'digit *', 'ended hung-up']);
  });

  it.each([
    ['10', 8000, '10 320'],
    ['12', 16_000, '12 640'],
    ['13', 24_000, '13 960'],
    ['16', 48_000, '16 1920'],
  ])('is answered in kind 0x%s', async (kind, sampleRate, frame) => {
    const { asterisk, heard } = await call(kind);
    expect(heard.leg.sends.sampleRate).toBe(sampleRate);
    heard.leg.play(AudioChunk.fromBytes(Buffer.alloc(0)));
    heard.leg.play(AudioChunk.fromBytes(Buffer.alloc(sampleRate / 25)));
    await asterisk.got(2);
    expect(asterisk.frames).toEqual(['10 320', frame]);
  });

  it('gets silence from its UUID on, before it has sent any audio', async () => {
    const asterisk = dial();
    asterisk.send(uuidFrame);
    const heard = await taken();
    await asterisk.got(1);
    clock.advance(480);
    await asterisk.got(25);
    expect(heard.log).toEqual([]);
    clock.advance(20);
    expect(heard.log).toEqual(['answered', 'connected']);
    expect(heard.leg.receives.sampleRate).toBe(8000);
    expect(asterisk.frames).toEqual(Array.from({ length: 25 }, () => '10 320'));
    expect(clock.pending).toBe(0);
  });

  it('outlives a hold, in which nothing comes', async () => {
    const { asterisk, heard } = await call();
    clock.advance(600_000);
    asterisk.send(audio());
    await heard.audioOf(2);
    expect(heard.ends).toEqual([]);
  });

  it('ends with a hang-up frame, once, when we hang up', async () => {
    const { asterisk, heard } = await call();
    const done = heard.leg.hangUp('agent', emptyRecord);
    expect(heard.leg.hangUp('operator', emptyRecord)).toBe(done);
    await asterisk.ended;
    await done;
    expect(asterisk.frames.at(-1)).toBe('00 0');
    expect(heard.log.at(-1)).toBe('ended hung-up');
    expect(heard.ends).toHaveLength(1);
    heard.leg.play(AudioChunk.fromBytes(Buffer.alloc(320)));
    await heard.leg.hangUp('agent', emptyRecord);
    expect(clock.pending).toBe(0);
  });

  it('is cut when Asterisk does not close after our hang-up', async () => {
    const asterisk = dial();
    asterisk.socket.allowHalfOpen = true;
    asterisk.send(uuidFrame, audio());
    const heard = await taken();
    const done = heard.leg.hangUp('agent', emptyRecord);
    await asterisk.ended;
    clock.advance(2_000);
    await done;
    expect(heard.log.at(-1)).toBe('ended hung-up');
    expect(clock.pending).toBe(0);
  });

  it('ends as any other when Asterisk resets the connection', async () => {
    const { asterisk, heard } = await call();
    asterisk.socket.resetAndDestroy();
    expect(await heard.ended).toEqual({ reason: 'hung-up' });
  });

  it('ends at a hang-up frame', async () => {
    const { asterisk, heard } = await call();
    asterisk.send('000000');
    expect(await heard.ended).toEqual({ reason: 'hung-up' });
    await asterisk.ended;
    expect(asterisk.frames).not.toContain('00 0');
  });

  it('goes on after errors and kinds that nobody knows', async () => {
    const { asterisk, heard } = await call();
    asterisk.send('ff000104', 'ff0000', '020003aabbcc', '100000', audio());
    await heard.audioOf(2);
    expect(heard.ends).toEqual([]);
    expect(host.refusals).toEqual([]);
  });

  it('is cut when Asterisk does not read', async () => {
    const { asterisk, heard } = await call('16');
    asterisk.socket.pause();
    const frame = AudioChunk.fromBytes(Buffer.alloc(1920));
    let written = 0;
    while (heard.ends.length === 0 && written < 200_000) {
      for (let i = 0; i < 100; i++) heard.leg.play(frame);
      written += 100;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await heard.ended).toEqual({ reason: 'connection-lost' });
  });

  it('is one of several with the same UUID, as a dialplan with a fixed one makes them', async () => {
    const [first, second] = [await call(), await call()];
    first.asterisk.socket.end();
    await first.heard.ended;
    second.asterisk.send(audio());
    await second.heard.audioOf(2);
    expect(second.heard.ends).toEqual([]);
  });

  it('is told at once that it is not taken', async () => {
    host.full = new PatchcordError('PATCHCORD_CALL_LIMIT');
    const asterisk = dial();
    asterisk.send(uuidFrame, audio());
    await asterisk.ended;
    expect(asterisk.frames).toEqual(['00 0']);
    expect(host.refusals).toEqual([
      { code: 'PATCHCORD_CALL_LIMIT', fields: { closed: true, carrierCallId: uuid } },
    ]);
  });
});

describe('what Asterisk must not send', () => {
  beforeEach(() => serve(['127.0.0.0/8']));

  it.each([
    ['audio before the UUID', audio(), 'PATCHCORD_MESSAGE_ORDER'],
    ['a hang-up before the UUID', '000000', 'PATCHCORD_MESSAGE_ORDER'],
    ['a digit before the UUID', '03000131', 'PATCHCORD_MESSAGE_ORDER'],
    [
      'a request in HTTP',
      Buffer.alloc(0x4554 + 3, 'GET / HTTP/1.1').toString('hex'),
      'PATCHCORD_MESSAGE_ORDER',
    ],
    ['a UUID that is too short', '010004aabbccdd', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('ends a connection: %s', async (_, hex, code) => {
    const asterisk = dial();
    asterisk.send(hex);
    await asterisk.ended;
    expect(host.codes).toEqual([code]);
    expect(host.calls).toEqual([]);
  });

  it.each([
    ['a request in HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex'), 'PATCHCORD_MESSAGE_ORDER'],
    ['a handshake of TLS', '16030100', 'PATCHCORD_MESSAGE_ORDER'],
    ['the beginning of audio', '100140', 'PATCHCORD_MESSAGE_ORDER'],
    ['the beginning of a UUID that is too long', '01001111', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['the beginning of a UUID that is much too long', '0110', 'PATCHCORD_MESSAGE_MALFORMED'],
    ['the beginning of a hang-up with a payload', '0000ff', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('ends a connection at once, and does not wait for the rest: %s', async (_, hex, code) => {
    const asterisk = dial();
    asterisk.send(hex);
    await asterisk.ended;
    expect(host.codes).toEqual([code]);
    expect(host.refusals[0]?.fields).toMatchObject({ closed: true });
  });

  it.each([
    '',
    '01',
    '0100',
    '010010',
    `010010${'11'.repeat(15)}`,
  ])('is what comes late: %j of the UUID, and no more within five seconds', async (hex) => {
    const asterisk = dial();
    if (hex !== '') asterisk.send(hex);
    await once(asterisk.socket, 'connect');
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(4_999);
    expect(host.refusals).toEqual([]);
    clock.advance(1);
    await asterisk.ended;
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it('ends a connection: nothing within five seconds', async () => {
    const asterisk = dial();
    await once(asterisk.socket, 'connect');
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5_000);
    await asterisk.ended;
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it('is no news when a connection goes away without a word', async () => {
    const asterisk = dial();
    await once(asterisk.socket, 'connect');
    asterisk.socket.resetAndDestroy();
    while (clock.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(host.refusals).toEqual([]);
  });

  it.each([
    ['a second UUID', uuidFrame, 'PATCHCORD_MESSAGE_ORDER'],
    ['audio at 12 kHz', audio('11'), 'PATCHCORD_AUDIO_FORMAT'],
    ['audio at 44.1 kHz', audio('15'), 'PATCHCORD_AUDIO_FORMAT'],
    ['eleven halves of samples', '100003010203'.repeat(11), 'PATCHCORD_AUDIO_MALFORMED'],
    ['four thousand digits at once', '03000131'.repeat(4000), 'PATCHCORD_PEER_FLOOD'],
    ['four megabytes at once', '02ffff'.concat('00'.repeat(65_535)).repeat(64), 'PATCHCORD_PEER_FLOOD'],
  ])('ends a call: %s', async (_, hex, code) => {
    const { asterisk, heard } = await call();
    asterisk.send(hex);
    expect(await heard.ended).toMatchObject({ reason: 'protocol-error', error: { code } });
    expect(host.codes.at(-1)).toBe(code);
    expect(host.refusals.at(-1)?.fields).toMatchObject({ closed: true, carrierCallId: uuid });
    await asterisk.ended;
  });

  it('is passed over up to ten times a minute', async () => {
    const { asterisk, heard } = await call();
    asterisk.send('100003010203'.repeat(10), audio());
    await heard.audioOf(2);
    clock.advance(60_001);
    asterisk.send('030000'.repeat(10), audio());
    await heard.audioOf(3);
    expect(heard.ends).toEqual([]);
    expect(host.refusals).toHaveLength(20);
  });

  it('is not waited for by the other calls', async () => {
    const { heard } = await call();
    const other = dial();
    other.send('010010ff');
    const { asterisk } = await call();
    asterisk.send('0101');
    const third = dial();
    third.send(audio());
    await third.ended;
    expect(heard.ends).toEqual([]);
  });
});

describe('an announced call', () => {
  beforeEach(() => serve(['192.0.2.0/24']));

  it('is taken from anywhere, as what was said of it, once', async () => {
    carrier.announce?.(
      announcement({
        carrierCallId: uuid.toUpperCase(),
        from: '+15550001111',
        to: '+15550002222',
        variables: { order: '7' },
        overrides: { greeting: 'Hello' },
      }),
    );
    const { asterisk, heard } = await call();
    expect(heard.leg.party).toEqual({
      from: '+15550001111',
      to: '+15550002222',
      direction: 'inbound',
      variables: { order: '7' },
    });
    expect(heard.overrides).toEqual({ greeting: 'Hello' });
    asterisk.socket.end();
    await heard.ended;
    const again = dial();
    again.send(uuidFrame);
    await again.ended;
    expect(host.codes).toEqual(['PATCHCORD_PEER_NOT_ALLOWED']);
  });

  it('may come again when it was not admitted', async () => {
    carrier.announce?.(announcement());
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    const first = dial();
    first.send(uuidFrame);
    await first.ended;
    host.full = undefined;
    await call();
    expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
  });

  it('needs a UUID', () => {
    expect(() => carrier.announce?.(announcement({ carrierCallId: 'call-7' }))).toThrow(
      expect.objectContaining({ code: 'PATCHCORD_REQUEST_INVALID' }),
    );
  });

  it('is the only one taken from a stranger', async () => {
    const stranger = dial();
    stranger.send(uuidFrame, audio());
    await stranger.ended;
    expect(stranger.frames).toEqual(['00 0']);
    expect(host.refusals).toEqual([
      { code: 'PATCHCORD_PEER_NOT_ALLOWED', fields: { closed: true, carrierCallId: uuid } },
    ]);
  });

  it('finds its way in although strangers connect and say nothing', async () => {
    const strangers = Array.from({ length: 256 }, () => dial());
    await Promise.all(strangers.map(({ socket }) => once(socket, 'connect')));
    while (clock.pending < 256) await new Promise((resolve) => setImmediate(resolve));
    const oneTooMany = dial();
    await refused();
    expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
    await once(oneTooMany.socket, 'close');
    strangers[0]?.socket.destroy();
    while (clock.pending > 255) await new Promise((resolve) => setImmediate(resolve));
    carrier.announce?.(announcement());
    const { heard } = await call();
    expect(heard.log).toEqual(['answered', 'connected', 'audio']);
  });
});

describe('the carrier', () => {
  it('brings nothing while it has no port', async () => {
    await serve([]);
    const inert = audioSocketCarrier({ audioSocketAllow: ['127.0.0.0/8'] }, host);
    expect(inert).toMatchObject({ name: 'audiosocket', webhooks: [], sockets: [], dialMissing: [] });
    expect([inert.listeners, inert.announce, inert.dial]).toEqual([undefined, undefined, undefined]);
  });

  it('closes connections that have no call yet, and leaves no timer behind', async () => {
    await serve(['127.0.0.0/8']);
    carrier.announce?.(announcement());
    const asterisk = dial();
    await once(asterisk.socket, 'connect');
    while (clock.pending < 2) await new Promise((resolve) => setImmediate(resolve));
    carrier.close();
    await once(asterisk.socket, 'close');
    while (clock.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(host.refusals).toEqual([]);
  });
});
