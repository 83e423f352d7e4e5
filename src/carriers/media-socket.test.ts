import { beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { LegEnd } from '../call/leg.ts';
import { MediaSocket, mediaSocketLimits } from './media-socket.ts';
import { FakeWebSocket } from './testing/fake-socket.ts';
import type { WrittenFrame } from './testing/frames-written.ts';
import { TestHost } from './testing/test-host.ts';

class FakeSocket extends FakeWebSocket {
  /** Text as it is, audio as its length. */
  readonly sent: (string | number)[] = [];
  readonly writes = vi.spyOn(this.connection, 'write');

  protected take({ binary, payload }: WrittenFrame): void {
    this.sent.push(binary ? payload.length : payload.toString());
  }
}

let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;
let media: MediaSocket;
/** What the owner was told of messages. */
let heard: string[];
let ends: LegEnd[];

/** `endOfClose`: what the owner says that a close by the peer means. */
function connect(endOfClose?: (code: number) => LegEnd): void {
  clock = new VirtualClock();
  host = new TestHost(clock);
  socket = new FakeSocket();
  heard = [];
  ends = [];
  media = new MediaSocket(
    socket.webSocket,
    socket.connection,
    { clock, refused: (error, fields) => host.refused('any', error, fields) },
    {
      message: (data, isBinary) => heard.push(isBinary ? `${data.length} bytes` : data.toString()),
      ended: (end) => ends.push(end),
      ...(endOfClose && { endOfClose }),
    },
  );
}

const malformed = (code: ErrorCode = 'PATCHCORD_MESSAGE_MALFORMED') =>
  media.malformed(new PatchcordError(code));
/** What is held back in this turn of the event loop has left. */
const afterTurn = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

beforeEach(() => connect());

describe('a media socket', () => {
  it('hands on text and bytes', () => {
    socket.text('hello');
    socket.binary(Buffer.alloc(160));
    expect(heard).toEqual(['hello', '160 bytes']);
    expect(media.isOpen).toBe(true);
  });

  it('is closed with 1008 when nobody has said in ten seconds whose media it is', () => {
    clock.advance(9_999);
    expect(ends).toEqual([]);
    clock.advance(1);
    expect([socket.closeCode, socket.closeReason]).toEqual([1008, 'PATCHCORD_MESSAGE_ORDER']);
    expect(ends).toMatchObject([
      { reason: 'protocol-error', error: { message: 'no start within 10000 ms' } },
    ]);
  });

  it('has no deadline once that is said', () => {
    media.opened();
    expect(clock.pending).toBe(0);
    media.opened();
    expect(media.isOpen).toBe(true);
  });

  it('names the call in what is logged, once it is known', () => {
    media.opened('CA1');
    malformed();
    media.refuse(new PatchcordError('PATCHCORD_CALL_LIMIT'));
    expect(host.refusals).toEqual([
      { code: 'PATCHCORD_MESSAGE_MALFORMED', fields: { closed: false, carrierCallId: 'CA1' } },
      { code: 'PATCHCORD_CALL_LIMIT', fields: { closed: true, closeCode: 1008, carrierCallId: 'CA1' } },
    ]);
  });
});

describe('what is malformed', () => {
  it('is forgiven ten times a minute, and closes at the eleventh', () => {
    media.opened();
    for (let n = 0; n < 10; n++) malformed();
    clock.advance(60_001);
    for (let n = 0; n < 10; n++) malformed();
    expect(ends).toEqual([]);
    expect(host.refusals).toHaveLength(20);
    malformed('PATCHCORD_AUDIO_MALFORMED');
    expect(socket.closeCode).toBe(1007);
    expect(ends).toMatchObject([{ reason: 'protocol-error', error: { code: 'PATCHCORD_AUDIO_MALFORMED' } }]);
    expect(host.refusals.at(-1)?.fields).toEqual({ closed: true, closeCode: 1007 });
  });

  it('is not forgiven before anybody said whose media it is', () => {
    malformed();
    expect(socket.closeCode).toBe(1007);
  });

  it('is not forgiven where it is of a kind that the protocol does not have', () => {
    media.opened();
    malformed('PATCHCORD_MESSAGE_BINARY');
    expect(socket.closeCode).toBe(1003);
  });
});

describe('a refusal', () => {
  it.each<[ErrorCode, number]>([
    ['PATCHCORD_MESSAGE_BINARY', 1003],
    ['PATCHCORD_MESSAGE_TEXT', 1003],
    ['PATCHCORD_AUDIO_FORMAT', 1003],
    ['PATCHCORD_MESSAGE_MALFORMED', 1007],
    ['PATCHCORD_AUDIO_MALFORMED', 1007],
    ['PATCHCORD_MESSAGE_ORDER', 1008],
    ['PATCHCORD_STREAM_TOKEN_INVALID', 1008],
    ['PATCHCORD_DRAINING', 1008],
  ])('for %s closes with %i and says so, once', (code, closeCode) => {
    media.refuse(new PatchcordError(code));
    media.refuse(new PatchcordError('PATCHCORD_PEER_FLOOD'));
    expect([socket.closeCode, socket.closeReason]).toEqual([closeCode, code]);
    expect(host.refusals).toEqual([{ code, fields: { closed: true, closeCode } }]);
    expect(ends).toMatchObject([{ reason: 'protocol-error', error: { code } }]);
    expect(media.isOpen).toBe(false);
  });

  it('makes the peer unheard', () => {
    media.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER'));
    socket.text('more');
    expect(heard).toEqual([]);
  });

  it.each([
    ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'PATCHCORD_MESSAGE_TOO_LARGE'],
    ['WS_ERR_INVALID_UTF8', 'PATCHCORD_MESSAGE_MALFORMED'],
  ])('of `ws`, which closes the socket itself, is told: %s', (wsCode, code) => {
    socket.emit('error', Object.assign(new Error('bad frame'), { code: wsCode }));
    expect(socket.closeCode).toBeUndefined();
    expect(host.refusals).toEqual([{ code, fields: { closed: true } }]);
    expect(ends).toMatchObject([{ reason: 'protocol-error', error: { code } }]);
    socket.emit('error', Object.assign(new Error('another'), { code: wsCode }));
    expect(host.refusals).toHaveLength(1);
  });
});

describe('a flood', () => {
  const messages = (count: number, text = 'hello') => {
    for (let n = 0; n < count; n++) socket.text(text);
  };

  it('is five times real time, but not the audio of a stall at once', () => {
    media.opened();
    messages(900);
    clock.advance(20_000);
    messages(900);
    expect(ends).toEqual([]);
    messages(1_200);
    expect(socket.closeCode).toBe(1008);
    expect(ends[0]?.error?.code).toBe('PATCHCORD_PEER_FLOOD');
    expect(heard.length).toBeLessThan(2_200);
  });

  it('is told by bytes as well as by messages', () => {
    messages(8, 'x'.repeat(60_000));
    expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
  });

  it('is not what we asked for', () => {
    media.opened();
    for (let n = 0; n < 5_000; n++) {
      socket.text('mark');
      media.forgive(4);
    }
    messages(900);
    expect(ends).toEqual([]);
  });
});

describe('what is sent', () => {
  it('leaves at once, as text or as bytes', () => {
    media.send('text');
    media.send(Buffer.from('text too'));
    media.send(Buffer.alloc(160), true);
    expect(socket.sent).toEqual(['text', 'text too', 160]);
  });

  it('along leaves in order, before what is sent next and in one write with it', () => {
    media.sendAlong('m1');
    media.sendAlong(Buffer.from('m2'));
    expect(socket.sent).toEqual([]);
    media.send(Buffer.alloc(160), true);
    expect(socket.sent).toEqual(['m1', 'm2', 160]);
    expect(socket.writes).toHaveBeenCalledTimes(1);
  });

  it('along leaves after this turn where nothing follows, and but once', async () => {
    media.sendAlong('m1');
    media.sendAlong('m2');
    await afterTurn();
    media.sendAlong('m3');
    await afterTurn();
    expect(socket.sent).toEqual(['m1', 'm2', 'm3']);
    expect(socket.writes).toHaveBeenCalledTimes(2);
  });

  it('along leaves now where it is flushed', async () => {
    media.sendAlong('m1');
    media.flush();
    expect(socket.sent).toEqual(['m1']);
    media.flush();
    await afterTurn();
    expect(socket.writes).toHaveBeenCalledTimes(1);
  });

  it('along has left before the socket is closed', () => {
    media.sendAlong('m1');
    media.finished({ reason: 'hung-up' });
    expect(socket.sent).toEqual(['m1']);
  });

  it('along is dropped, not kept, where the peer is closing by then', async () => {
    media.sendAlong('m1');
    socket.readyState = WebSocket.CLOSING;
    media.send(Buffer.alloc(160), true);
    media.sendAlong('m2');
    await afterTurn();
    expect(socket.writes).not.toHaveBeenCalled();
    // It is the close event that ends the call.
    expect(ends).toEqual([]);
    socket.readyState = WebSocket.OPEN;
    media.send('later');
    expect(socket.sent).toEqual(['later']);
  });

  it('after the end is dropped', async () => {
    media.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER'));
    socket.readyState = WebSocket.OPEN;
    media.send('text');
    media.sendAlong('m1');
    await afterTurn();
    expect(socket.sent).toEqual([]);
  });

  it('to a peer that does not read is given up at 4 MiB, without ending the call inside the write', async () => {
    const { backlogBytes } = mediaSocketLimits;
    socket.connection.cork();
    media.send(Buffer.alloc(backlogBytes - 100), true);
    expect(socket.terminated).toBe(false);
    media.sendAlong('m1');
    media.send(Buffer.alloc(100), true);
    expect(socket.terminated).toBe(true);
    socket.readyState = WebSocket.OPEN;
    media.send('text');
    media.sendAlong('m2');
    await afterTurn();
    expect(socket.writes).toHaveBeenCalledTimes(2);
    expect(ends).toEqual([]);
    socket.emit('close', 1006);
    expect(ends).toEqual([{ reason: 'connection-lost' }]);
  });
});

describe('the end', () => {
  it('that the peer tells in its protocol closes the socket in order', () => {
    media.finished({ reason: 'hung-up' });
    expect([socket.closeCode, socket.closeReason]).toEqual([1000, '']);
    expect(ends).toEqual([{ reason: 'hung-up' }]);
    socket.text('more');
    socket.emit('close', 1000);
    expect(heard).toEqual([]);
    expect(ends).toHaveLength(1);
  });

  it('is a lost connection where the peer closes, whatever the code', () => {
    socket.emit('close', 1000);
    expect(ends).toEqual([{ reason: 'connection-lost' }]);
  });

  it('is what the owner takes a close for', () => {
    connect((code) => ({ reason: code === 1000 ? 'hung-up' : 'failed' }));
    socket.emit('close', 1000);
    expect(ends).toEqual([{ reason: 'hung-up' }]);
  });

  it('comes when the connection breaks, and is nothing that the peer did wrong', () => {
    socket.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    socket.emit('close', 1006);
    expect(ends).toEqual([{ reason: 'connection-lost' }]);
    expect(host.codes).toEqual([]);
  });

  it('of our own is not told, and is done when the socket is closed', async () => {
    const done = vi.fn();
    const closing = media.close(1013, 'later').then(done);
    expect([socket.closeCode, socket.closeReason]).toEqual([1013, 'later']);
    await afterTurn();
    expect(done).not.toHaveBeenCalled();
    socket.emit('close', 1013);
    await closing;
    expect(ends).toEqual([]);
    expect(media.closed).toBe(media.close());
  });

  it('is cut short after three seconds where the peer does not answer our close', () => {
    media.finished({ reason: 'hung-up' });
    clock.advance(2_999);
    expect(socket.terminated).toBe(false);
    clock.advance(1);
    expect(socket.terminated).toBe(true);
  });

  it('leaves no timer and no listener', () => {
    media.refuse(new PatchcordError('PATCHCORD_MESSAGE_ORDER'));
    socket.emit('close', 1008);
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
    connect();
    socket.emit('close', 1006);
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
  });
});
