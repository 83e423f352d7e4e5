import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { TextSender } from './outgoing.ts';
import type { ServerMessage } from './wire.ts';

const report = (text: string): ServerMessage => ({
  type: 'event',
  parameters: {
    entities: [{ type: 'bot_turn_response', data: { disposition: 'match', text, confidence: 1 } }],
  },
});
const pong: ServerMessage = { type: 'pong', parameters: {} };

let clock: VirtualClock;
let written: { readonly what: string; readonly at: number }[];
let sender: TextSender;

beforeEach(() => {
  clock = new VirtualClock();
  written = [];
  sender = new TextSender({
    clock,
    perSecond: 10,
    capacity: 100,
    write: (message) => {
      const entity = message.type === 'event' ? message.parameters.entities[0] : undefined;
      const what = entity?.type === 'bot_turn_response' ? entity.data.text : message.type;
      written.push({ what, at: clock.now() });
    },
  });
});

describe('text for Genesys', () => {
  it('goes at once up to a burst, and then no faster than the limit, in order and whole', () => {
    for (let n = 0; n < 50; n++) expect(sender.queue(report(`${n}`))).toBe(true);
    expect(written).toHaveLength(20);
    clock.advance(10_000);
    expect(written.map(({ what }) => what)).toEqual(Array.from({ length: 50 }, (_, n) => `${n}`));
    for (const { at } of written) {
      const second = written.filter((other) => other.at >= at && other.at < at + 1000);
      expect(second.length).toBeLessThanOrEqual(30);
    }
    expect(written.at(-1)?.at).toBeCloseTo(3000, -1);
    expect(clock.pending).toBe(0);
  });

  it('goes ahead of what waits where it is urgent, and what waits pays for it', () => {
    for (let n = 0; n < 21; n++) sender.queue(report(`${n}`));
    sender.now(pong);
    expect(written.at(-1)?.what).toBe('pong');
    clock.advance(100);
    expect(written.at(-1)?.what).toBe('pong');
    clock.advance(100);
    expect(written.at(-1)?.what).toBe('20');
  });

  it('waits while it is held, but for what is urgent', () => {
    sender.queue(report('before'));
    sender.hold();
    sender.queue(report('after'));
    sender.now(pong);
    clock.advance(60_000);
    expect(written.map(({ what }) => what)).toEqual(['before', 'pong']);
    sender.release();
    expect(written.at(-1)?.what).toBe('after');
  });

  it('is refused when too much waits', () => {
    sender.hold();
    for (let n = 0; n < 100; n++) expect(sender.queue(report(`${n}`))).toBe(true);
    expect(sender.queue(report('one more'))).toBe(false);
    expect(sender.waiting).toBe(100);
  });

  it('leaves no timer when it is closed', () => {
    for (let n = 0; n < 30; n++) sender.queue(report(`${n}`));
    expect(clock.pending).toBe(1);
    sender.close();
    expect(clock.pending).toBe(0);
    clock.advance(10_000);
    expect(written).toHaveLength(20);
  });
});
