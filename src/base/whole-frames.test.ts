import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { mask } from './websocket-frame.ts';
import { readWholeFrames } from './whole-frames.ts';

const maxBytes = 70_000;

interface Frame {
  readonly first: number;
  readonly payload: Buffer;
  readonly masked: boolean;
  /** The length in more bytes than it needs, which RFC 6455 forbids and `ws` takes. */
  readonly long?: boolean;
}

function encode({ first, payload, masked, long = false }: Frame): Buffer {
  const { length } = payload;
  const head =
    length < 126 && !long
      ? [first, length]
      : length < 65_536
        ? [first, 126, length >> 8, length & 255]
        : [
            first,
            127,
            0,
            0,
            0,
            0,
            (length >> 24) & 255,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ];
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  head[1] = (head[1] ?? 0) | 0x80;
  const frame = Buffer.concat([Buffer.from([...head, 17, 200, 3, 255]), payload]);
  mask(frame, head.length + 4, frame.length);
  return frame;
}

const text = (content: string): Frame => ({ first: 0x81, payload: Buffer.from(content), masked: true });
const binary = (bytes: number): Frame => ({ first: 0x82, payload: Buffer.alloc(bytes, 7), masked: true });
const piece = (first: number, content: string): Frame => ({
  first,
  payload: Buffer.from(content),
  masked: true,
});

/** A server's socket that is fed reads; writes down what it tells. */
class Ear {
  readonly heard: string[] = [];
  readonly transport: Duplex;
  socket: WebSocket | undefined;
  #done: Promise<unknown> = Promise.resolve();

  constructor(hastened: boolean) {
    this.transport = new Duplex({
      read() {
        return;
      },
      write(_chunk, _encoding, done) {
        done();
      },
    });
    const request = Object.assign(new EventEmitter(), {
      method: 'GET',
      url: '/',
      headers: {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
      },
    }) as unknown as IncomingMessage;
    const server = new WebSocketServer({ noServer: true, maxPayload: maxBytes });
    server.handleUpgrade(request, this.transport, Buffer.alloc(0), (socket) => {
      if (hastened) readWholeFrames(socket, this.transport, { role: 'server', maxBytes });
      this.socket = socket;
      socket.on('message', (data, isBinary) =>
        this.heard.push(`${isBinary ? 'binary' : 'text'} ${(data as Buffer).toString('hex')}`),
      );
      socket.on('ping', (data) => this.heard.push(`ping ${data.toString('hex')}`));
      socket.on('pong', (data) => this.heard.push(`pong ${data.toString('hex')}`));
      socket.on('error', (error: NodeJS.ErrnoException) => this.heard.push(`error ${error.code}`));
      this.#done = new Promise<void>((resolve) => {
        socket.on('close', (code) => {
          this.heard.push(`close ${code}`);
          resolve();
        });
      });
    });
  }

  /** What it told of these reads, until its connection was closed. */
  async hears(reads: readonly Buffer[]): Promise<string[]> {
    for (const read of reads) {
      // Both read the same bytes, and the short cut unmasks in place.
      this.transport.push(Buffer.from(read));
      await new Promise(setImmediate);
    }
    this.transport.push(null);
    // A connection that nobody reads any more is closed by its owner's deadline: here at once.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    this.transport.destroy();
    await this.#done;
    return this.heard;
  }
}

/** A read ends `offset` bytes behind the beginning of a frame: what goes wrong does so around headers. */
interface Cut {
  readonly frame: number;
  readonly offset: number;
}

async function bothHear(frames: readonly Frame[], cuts: readonly Cut[]): Promise<[string[], string[]]> {
  const encoded = frames.map(encode);
  const bytes = Buffer.concat(encoded);
  const beginOf = (index: number): number =>
    encoded.slice(0, index).reduce((sum, { length }) => sum + length, 0);
  const wanted = cuts.map((cut) => Math.max(0, beginOf(cut.frame) + cut.offset));
  const places = [...new Set(wanted.filter((place) => place <= bytes.length))].sort((a, b) => a - b);
  const reads = [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
  const filled = reads.filter((read) => read.length > 0);
  return Promise.all([new Ear(true).hears(filled), new Ear(false).hears(filled)]);
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 140 }),
  fc.string({ maxLength: 140, unit: 'binary' }).map((content) => Buffer.from(content)),
  fc
    .constantFrom(125, 126, 127, 65_535, 65_536, maxBytes, maxBytes + 1)
    .map((length) => Buffer.alloc(length, 65)),
);

const frame = fc.record({
  // Whole messages above all; pieces, control frames and what no protocol has beside them.
  first: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(0x81, 0x82) },
    { weight: 3, arbitrary: fc.constantFrom(0x01, 0x02, 0x00, 0x80) },
    { weight: 3, arbitrary: fc.constantFrom(0x89, 0x8a, 0x88) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
  ),
  payload: payload.map((bytes) => Buffer.from(bytes)),
  masked: fc.integer({ min: 0, max: 19 }).map((at) => at > 0),
  long: fc.boolean(),
});

describe('readWholeFrames', () => {
  it('hears what ws hears alone, wherever the reads are cut and whatever is wrong', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { minLength: 1, maxLength: 8 }),
        fc.array(fc.record({ frame: fc.nat({ max: 8 }), offset: fc.integer({ min: -3, max: 15 }) }), {
          maxLength: 8,
        }),
        async (frames, cuts) => {
          const [hastened, alone] = await bothHear(frames, cuts);
          expect(hastened).toEqual(alone);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('hears messages in the very turn in which they are read, several to a read', async () => {
    const ear = new Ear(true);
    ear.transport.push(Buffer.concat([text('a'), binary(200), text('ö')].map(encode)));
    await new Promise(setImmediate);
    expect(ear.heard).toEqual(['text 61', `binary ${'07'.repeat(200)}`, 'text c3b6']);
    ear.socket?.terminate();
  });

  it('keeps the order around a message in pieces with a ping in its middle', async () => {
    const frames = [
      text('1'),
      piece(0x01, '2'),
      piece(0x89, 'p'),
      piece(0x00, '3'),
      piece(0x80, '4'),
      text('5'),
    ];
    const everywhere = Array.from({ length: 60 }, (_, offset) => ({ frame: 0, offset }));
    for (const cuts of [[], everywhere, everywhere.slice(7, 9), everywhere.slice(20, 21)]) {
      const [hastened] = await bothHear(frames, cuts);
      expect(hastened).toEqual(['text 31', 'ping 70', 'text 323334', 'text 35', 'close 1006']);
    }
  });

  it('tells nothing after a close frame or an error', async () => {
    const closing = { first: 0x88, payload: Buffer.from([0x03, 0xe8]), masked: true };
    for (const cuts of [
      [],
      [{ frame: 2, offset: 0 }],
      [
        { frame: 1, offset: 1 },
        { frame: 2, offset: -1 },
        { frame: 2, offset: 0 },
      ],
    ]) {
      const [closed, alone] = await bothHear([text('1'), closing, text('2'), text('3')], cuts);
      expect(closed).toEqual(['text 31', 'close 1000']);
      expect(alone).toEqual(closed);
    }
    const bad = { ...text('x'), payload: Buffer.from([0xff]) };
    for (const cuts of [[], [{ frame: 2, offset: 0 }]]) {
      const [broken] = await bothHear([text('1'), bad, text('2')], cuts);
      expect(broken).toEqual(['text 31', 'error WS_ERR_INVALID_UTF8', 'close 1006']);
    }
  });

  it('takes over again where a message begins', () => {
    const transport = new EventEmitter();
    const socket = new EventEmitter();
    const passed: string[] = [];
    const heard: string[] = [];
    transport.on('data', (bytes: Buffer) => passed.push(bytes.toString('hex')));
    readWholeFrames(socket as unknown as WebSocket, transport as unknown as Duplex, {
      role: 'client',
      maxBytes,
    });
    socket.on('message', (data: Buffer) => heard.push(data.toString()));
    const read = (...bytes: number[]): boolean => transport.emit('data', Buffer.from(bytes));
    read(0x81, 1, 97);
    // Cut in its header, in its payload, and with a whole message behind it.
    read(0x81);
    read(1, 98);
    read(0x81, 126, 0);
    read(2, 98);
    read(98, 0x81, 1, 99);
    read(0x81, 1, 100);
    // In pieces, with a ping in the middle.
    read(0x01, 1, 101);
    read(0x89, 0);
    read(0x80, 1, 101);
    read(0x82, 1, 102);
    expect(heard).toEqual(['a', 'd', 'f']);
    expect(passed).toEqual(['81', '0162', '817e00', '0262', '62810163', '010165', '8900', '800165']);
  });

  it('tells whoever listens at that moment, however many', () => {
    const transport = new EventEmitter();
    const socket = new EventEmitter();
    transport.on('data', () => undefined);
    readWholeFrames(socket as unknown as WebSocket, transport as unknown as Duplex, {
      role: 'client',
      maxBytes,
    });
    const heard: string[] = [];
    const listener = (name: string) =>
      function (this: unknown, data: Buffer, isBinary: boolean): void {
        heard.push(`${name} ${data.toString()} ${isBinary} ${this === socket}`);
      };
    const [first, second] = [listener('first'), listener('second')];
    const say = (text: string): boolean => transport.emit('data', Buffer.from([0x81, 1, text.charCodeAt(0)]));
    say('a');
    socket.on('message', first);
    say('b');
    socket.on('message', second);
    say('c');
    socket.off('message', first);
    say('d');
    socket.removeAllListeners('message');
    say('e');
    socket.once('message', first);
    say('f');
    say('g');
    expect(heard).toEqual([
      'first b false true',
      'first c false true',
      'second c false true',
      'second d false true',
      'first f false true',
    ]);
  });

  it('leaves a socket alone on which somebody else listens', () => {
    const transport = new EventEmitter() as unknown as Duplex;
    const other = (): void => undefined;
    transport.on('data', other);
    transport.on('data', other);
    readWholeFrames(new EventEmitter() as unknown as WebSocket, transport, { role: 'server', maxBytes });
    expect(transport.listeners('data')).toEqual([other, other]);
  });
});
