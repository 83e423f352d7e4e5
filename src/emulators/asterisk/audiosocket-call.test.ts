import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../base/clock.ts';
import { FakeAudioSocketCall, type FakeAudioSocketCallOptions } from './audiosocket-call.ts';
import { audioFrame, digitFrame, frame, hangUpFrame } from './audiosocket-frame.ts';

const clock = new SystemClock();
const uuid = '11223344-5566-7788-99aa-bbccddeeff00';
const silence = Buffer.alloc(320);

let server: Server;
let port: number;

beforeEach(async () => {
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterEach(() => server.close());

/** A gateway on the other side of a call that is running. */
async function call(options: Partial<FakeAudioSocketCallOptions> = {}) {
  const connection = once(server, 'connection');
  const fake = new FakeAudioSocketCall({
    clock,
    host: '127.0.0.1',
    port,
    uuid,
    maxCallMs: 10_000,
    ...options,
  });
  const done = fake.run();
  const [socket] = (await connection) as [Socket];
  const parts: Buffer[] = [];
  const waiting = new Set<() => void>();
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    for (const look of [...waiting]) look();
  });
  socket.on('error', () => socket.destroy());
  const received = () => Buffer.concat(parts);
  const until = (enough: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!enough()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    fake,
    done,
    socket,
    received,
    until,
    bytes: (count: number) => until(() => received().length >= count),
  };
}

describe('a fake AudioSocket call over TCP', () => {
  it('sends its UUID and the phone, and hangs up when it is told', async () => {
    const { done, socket, received, bytes } = await call();
    await bytes(19 + 3 * 323);
    expect(received().subarray(0, 19).toString('hex')).toBe('010010112233445566778899aabbccddeeff00');
    expect(received().subarray(19, 22).toString('hex')).toBe('100140');
    const sound = audioFrame(0x10, Buffer.alloc(320, 0x20));
    socket.end(Buffer.concat([sound, sound, hangUpFrame()]));
    const { failure, stream, frameGapsMs } = await done;
    expect(failure).toBeUndefined();
    expect(frameGapsMs).toHaveLength(1);
    expect(stream).toMatchObject({ endedBy: 'gateway', violationCount: 0 });
    expect(stream?.firstAudioAtMs).toBeDefined();
  });

  it('takes a close for a hang-up, and a reset for a loss', async () => {
    const closed = await call();
    closed.socket.end(audioFrame(0x10, silence));
    expect(await closed.done).toMatchObject({ failure: undefined, stream: { endedBy: 'gateway' } });
    const lost = await call();
    await lost.bytes(19);
    lost.socket.resetAndDestroy();
    expect(await lost.done).toMatchObject({
      failure: 'the media connection was lost',
      stream: { endedBy: 'network', closeCode: 1006 },
    });
  });

  it('takes a hang-up before any audio for a refusal', async () => {
    const { done, socket } = await call();
    socket.end(hangUpFrame());
    expect((await done).failure).toBe('the gateway hung up before it sent any audio');
  });

  it('ends with nothing but FIN when the caller hangs up', async () => {
    const { fake, done, socket, received, until } = await call({
      steps: [{ do: 'digits', digits: '5', atMs: 20 }],
    });
    await until(() => received().includes(digitFrame('5')));
    const ended = once(socket, 'end');
    fake.hangUp();
    await ended;
    expect(await done).toMatchObject({ failure: undefined, stream: { endedBy: 'caller' } });
  });

  it('ends with RST where Asterisk has not read all', async () => {
    const { fake, done, socket, bytes } = await call({ hangsUpWith: 'rst' });
    await bytes(19);
    socket.removeAllListeners('error');
    const failed = once(socket, 'error');
    fake.hangUp();
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(await done).toMatchObject({ failure: undefined, stream: { endedBy: 'caller' } });
  });

  it.each([
    ['forbidden-kind', [digitFrame('5')]],
    ['empty-audio', [frame(0x10, Buffer.alloc(0))]],
    ['stalled-frame', [audioFrame(0x10, silence).subarray(0, 100)]],
  ])('ends the call, as Asterisk does, at %s', async (kind, sent) => {
    const { done, socket, bytes } = await call();
    await bytes(19);
    for (const part of sent) socket.write(part);
    const { failure, stream } = await done;
    expect(failure).toContain(`Asterisk ended the call: ${kind}`);
    expect(stream?.endedBy).toBe('carrier');
  });

  it('lets a frame in two writes pass that come at once', async () => {
    const { done, socket, bytes } = await call();
    await bytes(19);
    const whole = audioFrame(0x10, Buffer.alloc(320, 0x20));
    socket.write(whole.subarray(0, 3));
    socket.write(whole.subarray(3));
    socket.end(hangUpFrame());
    expect(await done).toMatchObject({ failure: undefined, stream: { violationCount: 0 } });
  });

  it('gives the call up after two seconds in which neither side sends, the application alone', async () => {
    const holds = [{ atMs: 0, forMs: 60_000 }];
    const [app, driver] = [await call({ holds }), await call({ holds, spokenBy: 'channel' })];
    const { stream } = await app.done;
    expect(stream?.violations.map((violation) => violation.kind)).toEqual(['no-activity']);
    expect(driver.fake.line?.ended).toBe(false);
    driver.socket.end();
    await driver.done;
  });

  it('tells that a gateway runs far ahead of real time', async () => {
    const { done, socket, bytes } = await call();
    await bytes(19);
    const frames = Array.from({ length: 50 }, () => audioFrame(0x10, Buffer.alloc(320, 0x20)));
    socket.write(Buffer.concat(frames));
    socket.end(hangUpFrame());
    const { stream } = await done;
    expect([...new Set(stream?.violations.map((violation) => violation.kind))]).toEqual(['buffer-overflow']);
  });

  it('says that nobody is there', async () => {
    server.close();
    await once(server, 'close');
    const fake = new FakeAudioSocketCall({ clock, host: '127.0.0.1', port });
    const { failure, stream } = await fake.run();
    expect(failure).toContain('ECONNREFUSED');
    expect(stream).toBeUndefined();
  });
});
