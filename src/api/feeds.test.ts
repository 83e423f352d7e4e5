import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { CallDirectory } from '../call/directory.ts';
import type { CallSnapshot } from '../call/events.ts';
import { EventsSocket, type FeedOptions, type ObservedCalls } from './events-socket.ts';
import { type FeedLimits, type FeedSocket, feedLimits } from './feed.ts';
import { LogStream } from './log-stream.ts';
import { endedEvent, eventOf, snapshotOf, startedEvent, turnOf } from './test-fixtures.ts';

type Listener = (...given: never[]) => void;

/** A socket whose other end reads as much as the test lets it. */
class FakeSocket {
  readonly sent: string[] = [];
  readonly payloads: unknown[] = [];
  readonly closes: string[] = [];
  bufferedAmount = 0;
  reads = true;
  pings = 0;
  readonly #listeners = new Map<string, Listener>();

  on(name: string, listener: Listener): this {
    this.#listeners.set(name, listener);
    return this;
  }
  tell(name: string): void {
    this.#listeners.get(name)?.();
  }
  send(data: string | Buffer): void {
    this.payloads.push(data);
    this.sent.push(String(data));
    if (!this.reads) this.bufferedAmount += data.length;
  }
  ping(): void {
    this.pings += 1;
  }
  close(code: number, reason: string): void {
    this.closes.push(`${code} ${reason}`);
  }
  terminate(): void {
    this.closes.push('terminated');
    this.tell('close');
  }
  get messages(): { type?: string; [name: string]: unknown }[] {
    return this.sent.map((text) => JSON.parse(text));
  }
  get types(): (string | undefined)[] {
    return this.messages.map((message) => message.type);
  }
}

function asSocket(socket: FakeSocket): FeedSocket {
  return socket as unknown as FeedSocket;
}

/** A directory whose live calls are the ones that the test names. */
function setUp(limits: Partial<FeedLimits> = {}, live: CallSnapshot[] = []) {
  const clock = new VirtualClock();
  const directory = new CallDirectory(silentLogger);
  const calls: ObservedCalls = {
    snapshots: () => live,
    find: (id) => {
      const call = live.find(({ callId }) => callId === id);
      return call && { goesBy: (name) => name === id || name === call.carrierCallId };
    },
    observe: (observer) => directory.observe(observer),
  };
  const options: FeedOptions = {
    calls,
    clock,
    log: silentLogger,
    limits: { ...feedLimits, ...limits },
  };
  const connect = (feed: { attach(socket: FeedSocket, url: string): void }, url = '/') => {
    const socket = new FakeSocket();
    feed.attach(asSocket(socket), url);
    return socket;
  };
  return { clock, options, tell: directory.tell, connect };
}

describe('the event stream', () => {
  it('begins with the live calls and goes on with every event of every call', () => {
    const live = [snapshotOf('a'), snapshotOf('b')];
    const { options, tell, connect } = setUp({}, live);
    const socket = connect(new EventsSocket(options));
    expect(socket.messages).toEqual([{ type: 'snapshot', calls: live }]);
    const event = eventOf('b', { type: 'digit', digit: '5' });
    tell(startedEvent('c'));
    tell(event);
    tell(endedEvent('a'));
    expect(socket.types).toEqual(['snapshot', 'call.started', 'digit', 'call.ended']);
    expect(socket.messages[2]).toEqual(event);
  });

  it('encodes an event once, however many listen', () => {
    const { options, tell, connect } = setUp();
    const events = new EventsSocket(options);
    const [one, other] = [connect(events), connect(events)];
    tell(eventOf('a', { type: 'speech.started' }));
    expect(one.payloads[1]).toBe(other.payloads[1]);
  });

  it('tells the text of a turn ten times a second at most, the newest last, and its end at once', () => {
    const { options, tell, connect, clock } = setUp();
    const socket = connect(new EventsSocket(options));
    tell(eventOf('a', { type: 'turn.started', turn: turnOf(1, { text: '' }) }));
    for (let n = 0; n < 100; n++) {
      tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1, { text: `word ${n}` }) }));
      clock.advance(10);
    }
    const updates = socket.messages.filter((message) => message.type === 'turn.updated');
    expect(updates.length).toBeGreaterThanOrEqual(10);
    expect(updates.length).toBeLessThanOrEqual(11);
    expect(updates.at(-1)).toMatchObject({ turn: { text: 'word 99' } });

    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1, { text: 'late' }) }));
    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1, { text: 'later' }) }));
    tell(eventOf('a', { type: 'turn.ended', turn: turnOf(1, { text: 'end', ended: true }) }));
    expect(socket.types.at(-1)).toBe('turn.ended');
    clock.advance(1000);
    expect(socket.types.at(-1)).toBe('turn.ended');
  });

  it('keeps the turns of two calls apart', () => {
    const { options, tell, connect } = setUp();
    const socket = connect(new EventsSocket(options));
    for (const callId of ['a', 'b']) tell(eventOf(callId, { type: 'turn.updated', turn: turnOf(1) }));
    expect(socket.messages.slice(1).map((message) => message.callId)).toEqual(['a', 'b']);
  });

  it('tells nothing of a call after its end', () => {
    const { options, tell, connect, clock } = setUp();
    const socket = connect(new EventsSocket(options));
    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1) }));
    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1) }));
    tell(endedEvent('a'));
    clock.advance(1000);
    expect(socket.types).toEqual(['snapshot', 'turn.updated', 'call.ended']);
  });

  it('closes a consumer that is too slow with 1013, and others go on', () => {
    const { options, tell, connect, clock } = setUp({ bufferedBytes: 500, closeMs: 100 });
    const events = new EventsSocket(options);
    const [slow, quick] = [connect(events), connect(events)];
    slow.reads = false;
    for (let n = 0; n < 20; n++) tell(eventOf('a', { type: 'digit', digit: '5' }));
    expect(slow.closes).toEqual(['1013 too slow']);
    expect(slow.bufferedAmount).toBeLessThan(600);
    expect(quick.sent).toHaveLength(21);
    clock.advance(100);
    expect(slow.closes).toEqual(['1013 too slow', 'terminated']);
  });

  it('does not hold a large snapshot against the consumer that is reading it', () => {
    const turns = Array.from({ length: 50 }, (_, n) => turnOf(n));
    const { options, tell } = setUp({ bufferedBytes: 500 }, [snapshotOf('a', { turns })]);
    const events = new EventsSocket(options);
    const socket = new FakeSocket();
    socket.reads = false;
    events.attach(asSocket(socket));
    expect(socket.bufferedAmount).toBeGreaterThan(500);
    tell(eventOf('a', { type: 'digit', digit: '5' }));
    expect(socket.types).toEqual(['snapshot', 'digit']);
  });

  it('finds consumers that are gone without a word', () => {
    const { options, connect, clock, tell } = setUp({ pingMs: 1000 });
    const events = new EventsSocket(options);
    const [here, gone] = [connect(events), connect(events)];
    clock.advance(1000);
    here.tell('pong');
    clock.advance(1000);
    expect([here.closes, gone.closes]).toEqual([[], ['terminated']]);
    tell(eventOf('a', { type: 'digit', digit: '5' }));
    expect(gone.types).toEqual(['snapshot']);
  });

  it('takes a bounded number of consumers', () => {
    const { options, connect } = setUp({ consumers: 2 });
    const events = new EventsSocket(options);
    const sockets = [connect(events), connect(events), connect(events)];
    expect(sockets.map((socket) => socket.closes)).toEqual([[], [], ['1013 too many listeners']]);
    sockets[0]?.tell('close');
    expect(connect(events).closes).toEqual([]);
  });

  it('leaves no timer and no observer behind', () => {
    const { options, connect, clock, tell } = setUp();
    const events = new EventsSocket(options);
    const first = connect(events);
    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1) }));
    first.tell('close');
    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1) }));
    expect(clock.pending).toBe(0);
    const second = connect(events);
    tell(eventOf('a', { type: 'turn.updated', turn: turnOf(1) }));
    events.close();
    expect(second.closes).toEqual(['1001 the gateway is closing']);
    second.tell('close');
    expect(clock.pending).toBe(0);
    tell(eventOf('a', { type: 'digit', digit: '5' }));
    expect(second.types).toEqual(['snapshot', 'turn.updated']);
  });

  it('works over a real socket, for several listeners', async () => {
    const { options, tell } = setUp({}, [snapshotOf('a')]);
    const events = new EventsSocket(options);
    const server = createServer();
    const upgrades = new WebSocketServer({ server });
    upgrades.on('connection', (socket) => events.attach(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clients = [new WebSocket(url), new WebSocket(url)];
    const firsts = await Promise.all(clients.map((client) => once(client, 'message')));
    expect(firsts.map(([data]) => JSON.parse(String(data)).type)).toEqual(['snapshot', 'snapshot']);
    const seconds = Promise.all(clients.map((client) => once(client, 'message')));
    tell(eventOf('a', { type: 'digit', digit: '5' }));
    for (const [data, isBinary] of await seconds) {
      expect(isBinary).toBe(false);
      expect(JSON.parse(String(data))).toMatchObject({ type: 'digit', digit: '5' });
    }
    const closed = Promise.all(clients.map((client) => once(client, 'close')));
    events.close();
    expect((await closed).map(([code]) => code)).toEqual([1001, 1001]);
    upgrades.close();
    server.close();
  });
});

describe('/log-stream', () => {
  it('sends each turn whole on every change, as the replaced bridges did', () => {
    const { options, tell, connect, clock } = setUp({}, [snapshotOf('a')]);
    const socket = connect(new LogStream(options), '/log-stream');
    const said = turnOf(1, { role: 'caller', text: 'Good', heardText: 'Good' });
    tell(eventOf('a', { type: 'turn.started', turn: { ...said, text: '', heardText: '' } }));
    tell(eventOf('a', { type: 'turn.updated', turn: said }));
    clock.advance(200);
    tell(eventOf('a', { type: 'digit', digit: '5' }));
    tell(eventOf('a', { type: 'turn.ended', turn: { ...said, ended: true } }));
    expect(socket.messages).toEqual([
      item('in_progress', 'user', ''),
      item('in_progress', 'user', 'Good'),
      item('completed', 'user', 'Good'),
    ]);
  });

  it('shows of an interrupted answer what the caller heard', () => {
    const { options, tell, connect } = setUp({}, [snapshotOf('a')]);
    const socket = connect(new LogStream(options), '/log-stream');
    const cut = turnOf(1, { ended: true, cut: 'caller-spoke', heardText: 'Good', heardMs: 300 });
    tell(eventOf('a', { type: 'turn.ended', turn: cut }));
    expect(socket.messages).toEqual([item('incomplete', 'assistant', 'Good')]);
  });

  it.each([
    ['/log-stream', ['a', 'b']],
    ['/log-stream?uuid=CA-b', ['b']],
    ['/log-stream?uuid=b', ['b']],
    ['/log-stream?callId=a', ['a']],
    ['/log-stream?uuid=', ['a', 'b']],
    ['/log-stream?uuid=unknown', []],
  ])('picks the call that is asked for: %s', (url, expected) => {
    const said = { turns: [turnOf(1, { ended: true, heardText: 'before' })] };
    const { options, tell, connect } = setUp({}, [snapshotOf('a', said), snapshotOf('b', said)]);
    const socket = connect(new LogStream(options), url);
    for (const callId of ['a', 'b']) tell(eventOf(callId, { type: 'turn.started', turn: turnOf(2) }));
    expect(socket.messages.map((message) => message.id)).toEqual([
      ...expected.map((callId) => `${callId}-1`),
      ...expected.map((callId) => `${callId}-2`),
    ]);
  });

  it('serves many listeners', () => {
    const { options, tell, connect } = setUp({}, [snapshotOf('a')]);
    const stream = new LogStream(options);
    const sockets = [connect(stream), connect(stream), connect(stream)];
    tell(eventOf('a', { type: 'turn.started', turn: turnOf(1) }));
    expect(sockets.map((socket) => socket.sent.length)).toEqual([1, 1, 1]);
    stream.close();
    expect(sockets.map((socket) => socket.closes.length)).toEqual([1, 1, 1]);
  });
});

function item(status: string, role: string, words: string) {
  return {
    id: 'a-1',
    callId: 'a',
    type: 'message',
    role,
    status,
    formatted: { transcript: words, text: words },
  };
}
