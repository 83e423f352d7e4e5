import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../audio/chunk.ts';
import { pcm16At, pcmu8k } from '../audio/format.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FrameTicker } from './frame-ticker.ts';
import type { PlaybackTraits } from './leg.ts';
import type { AudioItem } from './model-session.ts';
import { type CutItem, Playout } from './playout.ts';
import { seeded } from './testing/seeded.ts';
import { SimulatedCarrier } from './testing/simulated-carrier.ts';

const traits: PlaybackTraits = {
  buffering: 'queued',
  acknowledges: 'marks',
  markEveryMs: 200,
  continuousMedia: true,
  delivery: {},
};

interface Network {
  readonly outboundMs?: number;
  readonly returnMs?: number;
  readonly jitterSeed?: number;
}

function setUp(network: Network = {}, open = true) {
  const clock = new VirtualClock();
  const heard = new Map<string, number>();
  const sent: string[] = [];
  let underruns = 0;
  let drains = 0;
  let droppedMs = 0;
  const playout = new Playout({
    clock,
    ticker: new FrameTicker({ clock, log: silentLogger }),
    modelFormat: pcmu8k,
    events: {
      itemSent: (item) => sent.push(item.itemId),
      itemHeardFirst: () => undefined,
      itemHeard: (item, heardMs) => heard.set(item.itemId, heardMs),
      underrun: () => {
        underruns += 1;
      },
      drained: () => {
        drains += 1;
      },
      dropped: (lengthMs) => {
        droppedMs += lengthMs;
      },
    },
  });
  const random = network.jitterSeed === undefined ? undefined : seeded(network.jitterSeed);
  const carrier = new SimulatedCarrier({
    clock,
    format: pcmu8k,
    outboundMs: network.outboundMs ?? 40,
    returnMs: network.returnMs ?? 60,
    ...(random ? { markJitterMs: () => random() * 80 } : {}),
    returned: (name) => playout.acknowledged({ type: 'mark', name }),
  });
  if (open) playout.open(carrier, pcmu8k, traits);
  /** Generates audio in deltas of `deltaMs`, as fast as the model likes. */
  const say = (item: AudioItem, ms: number, deltaMs = ms): void => {
    carrier.tag = item.itemId;
    for (let at = 0; at < ms; at += deltaMs) playout.append(item, audio(Math.min(deltaMs, ms - at)));
  };
  return {
    clock,
    playout,
    carrier,
    heard,
    sent,
    say,
    underruns: () => underruns,
    drains: () => drains,
    dropped: () => droppedMs,
  };
}

/** Through a converter, as from a model at 24 kHz to a phone at 8 kHz; what the carrier is sent. */
function converted() {
  const clock = new VirtualClock();
  const sent: Buffer[] = [];
  const nothing = () => undefined;
  const playout = new Playout({
    clock,
    ticker: new FrameTicker({ clock, log: silentLogger }),
    modelFormat: pcm16At(24_000),
    events: {
      itemSent: nothing,
      itemHeardFirst: nothing,
      itemHeard: nothing,
      underrun: nothing,
      drained: nothing,
    },
  });
  const port = { play: (chunk: AudioChunk) => sent.push(chunk.bytes()), mark: nothing, clear: nothing };
  playout.open(port, pcmu8k, traits);
  /** 16 bit at 24 kHz of one value. */
  const say = (item: AudioItem, ms: number, value: number): void =>
    void playout.append(item, AudioChunk.fromBytes(Buffer.from(new Int16Array(24 * ms).fill(value).buffer)));
  return { clock, playout, sent, say };
}

describe('an answer after one that was cut', () => {
  it('begins with its own audio: nothing of the cut one is left in the converter', () => {
    const { clock, playout, sent, say } = converted();
    say(itemOf(1), 500, 20_000);
    clock.advance(100);
    expect(playout.cut()).toHaveLength(1);
    const before = sent.length;
    say(itemOf(2), 500, 0);
    playout.finish(itemOf(2));
    clock.advance(1000);
    const next = Buffer.concat(sent.slice(before));
    expect(next.length).toBeGreaterThan(3900);
    // G.711: 0xff and 0x7f are zero.
    expect([...new Set(next)]).toEqual([0xff]);
  });
});

function audio(ms: number): AudioChunk {
  return AudioChunk.fromBytes(Buffer.alloc(Math.round(ms * 8), 1));
}

const itemOf = (number: number): AudioItem => ({
  responseId: `resp-${number}`,
  itemId: `item-${number}`,
  contentIndex: 0,
});

/** What may happen to a ledger; lengths in samples, so that nothing is a whole millisecond by chance. */
type Step =
  | { readonly do: 'say'; readonly samples: number; readonly deltaSamples: number }
  | { readonly do: 'next' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'cut' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      samples: fc.integer({ min: 160, max: 32_000 }),
      deltaSamples: fc.constantFrom(160, 777, 3200, 8000, 32_000),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'next' }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ max: 5000, min: 1 }) }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'cut' }) },
);

const delays = { outboundMs: fc.integer({ min: 0, max: 200 }), returnMs: fc.integer({ min: 0, max: 200 }) };

/** Runs the steps and returns each cut beside what the carrier really played of it. */
function run(steps: readonly Step[], network: Network, look?: (all: ReturnType<typeof setUp>) => void) {
  const all = setUp(network);
  const { clock, playout, carrier, say } = all;
  const cuts: { readonly items: readonly CutItem[]; readonly clear: number | undefined }[] = [];
  let number = 1;
  for (const current of steps) {
    switch (current.do) {
      case 'say':
        say(itemOf(number), current.samples / 8, current.deltaSamples / 8);
        break;
      case 'next':
        playout.finish(itemOf(number));
        number += 1;
        break;
      case 'wait':
        clock.advance(current.ms);
        break;
      case 'cut': {
        const before = carrier.clearsWritten;
        const items = playout.cut();
        cuts.push({ items, clear: carrier.clearsWritten > before ? before : undefined });
        number += 1;
        break;
      }
    }
    look?.(all);
  }
  clock.advance(60_000);
  const truths = cuts.flatMap(({ items, clear }) =>
    items.map((item) => ({
      item,
      truthMs:
        clear === undefined ? carrier.heardMs(item.itemId) : (carrier.clears[clear]?.get(item.itemId) ?? 0),
    })),
  );
  return { ...all, truths };
}

describe('the ledger of agent audio', () => {
  it('ledger-order: heard never passes sent, sent never passes generated, and none falls', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.record(delays),
        fc.nat(),
        (steps, network, jitterSeed) => {
          const seen = new Map<string, { heardMs: number; generatedMs: number }>();
          run(steps, { ...network, jitterSeed }, ({ playout, carrier }) => {
            for (const itemId of carrier.sentMs.keys()) {
              const item = itemOf(Number(itemId.slice('item-'.length)));
              if (playout.generatedMs(item) === 0) continue;
              const heardMs = playout.heardMs(item);
              const generatedMs = playout.generatedMs(item);
              const before = seen.get(itemId) ?? { heardMs: 0, generatedMs: 0 };
              expect(heardMs).toBeGreaterThanOrEqual(before.heardMs);
              expect(generatedMs).toBeGreaterThanOrEqual(before.generatedMs);
              expect(heardMs).toBeLessThanOrEqual(carrier.sentMs.get(itemId) ?? 0);
              expect(heardMs).toBeLessThanOrEqual(generatedMs);
              expect(Number.isInteger(heardMs)).toBe(true);
              seen.set(itemId, { heardMs, generatedMs });
            }
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('knows at a cut what was heard, to the sample, whatever the delays, the deltas and the pauses', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.record(delays), (steps, network) => {
        for (const { item, truthMs } of run(steps, network).truths) {
          expect(item.heardMs).toBe(Math.floor(truthMs + 1e-6));
        }
      }),
      { numRuns: 250 },
    );
  });

  it('knows it within 20 ms when marks come back up to 80 ms late', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.record(delays),
        fc.nat(),
        (steps, network, jitterSeed) => {
          for (const { item, truthMs } of run(steps, { ...network, jitterSeed }).truths) {
            expect(Math.abs(item.heardMs - truthMs)).toBeLessThanOrEqual(20);
          }
        },
      ),
      { numRuns: 250 },
    );
  });

  it('is not led astray by jitter in a long answer', () => {
    for (let jitterSeed = 1; jitterSeed <= 20; jitterSeed++) {
      const { playout, carrier, clock, say } = setUp({ jitterSeed });
      say(itemOf(1), 70_000, 400);
      for (let second = 1; second <= 60; second++) {
        clock.advance(1000);
        // What is heard is one outbound delay behind the clock until a clear has travelled as far.
        expect(Math.abs(playout.heardMs(itemOf(1)) - (carrier.heardMs('item-1') + 40))).toBeLessThanOrEqual(
          20,
        );
      }
    }
  });

  it('learns from marks that the carrier began late', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 1500 }),
        fc.boolean(),
        fc.nat(),
        (lateMs, jitter, jitterSeed) => {
          const { playout, carrier, clock, say } = setUp(jitter ? { jitterSeed } : {});
          say(itemOf(1), 3000, 200);
          playout.finish(itemOf(1));
          clock.advance(6000);
          carrier.startLateMs = lateMs;
          say(itemOf(2), 20_000, 200);
          clock.advance(lateMs + 5000);
          const [cut] = playout.cut();
          clock.advance(1000);
          const truthMs = carrier.clears[0]?.get('item-2') ?? 0;
          expect(Math.abs((cut?.heardMs ?? 0) - truthMs)).toBeLessThanOrEqual(jitter ? 40 : 1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('learns from marks that the carrier ran dry in a stall of the network', () => {
    const { playout, carrier, clock, say } = setUp();
    say(itemOf(1), 2000, 200);
    clock.advance(1500);
    carrier.stallMs = 1300;
    say(itemOf(1), 10_000, 200);
    clock.advance(5000);
    const [cut] = playout.cut();
    clock.advance(1000);
    expect(Math.abs((cut?.heardMs ?? 0) - (carrier.clears[0]?.get('item-1') ?? 0))).toBeLessThanOrEqual(1);
  });

  it('counts a hole in the middle of an answer, not the pause between two', () => {
    const { playout, clock, say, underruns } = setUp();
    say(itemOf(1), 500);
    clock.advance(700);
    say(itemOf(1), 500);
    playout.finish(itemOf(1));
    clock.advance(700);
    say(itemOf(2), 500);
    expect(underruns()).toBe(1);
  });

  it('no-ghost: after a cut nothing of the cut answers reaches the carrier', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.record(delays), (steps, network) => {
        const all = setUp(network);
        let number = 1;
        for (const current of steps) {
          if (current.do === 'say') all.say(itemOf(number), current.samples / 8, current.deltaSamples / 8);
          else if (current.do === 'wait') all.clock.advance(current.ms);
          else if (current.do === 'next') number += 1;
        }
        const active = `resp-${number}`;
        const cut = all.playout.cut(active);
        const before = [...all.carrier.sentMs];
        const dead = [...cut, { responseId: active, itemId: 'never-seen', contentIndex: 0 }];
        for (const item of dead) expect(all.playout.append(item, audio(400))).toBe(false);
        expect([...all.carrier.sentMs]).toEqual(before);
        expect(all.playout.append(itemOf(number + 1), audio(400))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('no-ghost: nothing more is heard of a response that was cut while it was made, also when nobody names it', () => {
    const { playout, say } = setUp();
    say(itemOf(1), 1000);
    playout.cut();
    expect(playout.append({ ...itemOf(1), itemId: 'item-9' }, audio(400))).toBe(false);
  });

  it('drops what is said more than five minutes ahead, and tells how much', () => {
    const { playout, dropped } = setUp({}, false);
    for (let at = 0; at < 300; at++) expect(playout.append(itemOf(1), audio(1000))).toBe(true);
    expect(playout.append(itemOf(1), audio(1000))).toBe(false);
    expect(playout.append(itemOf(2), audio(500))).toBe(false);
    expect(playout.generatedMs(itemOf(1))).toBe(300_000);
    expect(dropped()).toBe(1500);
  });

  it('cut-now: the clear is written before the cut returns, and nothing waits for a timer', () => {
    const { playout, carrier, clock, say } = setUp();
    say(itemOf(1), 4000, 400);
    clock.advance(1000);
    const at = clock.now();
    playout.cut();
    expect(carrier.clearsWritten).toBe(1);
    expect(clock.now()).toBe(at);
  });

  it('goodbye-heard: tells when all was heard and acknowledged, and waits for marks no longer than a bound', () => {
    const { playout, clock, say } = setUp({ outboundMs: 100, returnMs: 150 });
    say(itemOf(1), 1000);
    playout.finish(itemOf(1));
    let toldAt: number | undefined;
    playout.whenHeard(() => {
      toldAt = clock.now();
    });
    clock.advance(5000);
    expect(toldAt).toBe(1250);
    const silent = setUp({ returnMs: 600_000 });
    silent.say(itemOf(1), 1000);
    silent.playout.finish(itemOf(1));
    let told = false;
    silent.playout.whenHeard(() => {
      told = true;
    });
    silent.clock.advance(2999);
    expect(told).toBe(false);
    silent.clock.advance(1);
    expect(told).toBe(true);
  });

  it('tells the cut before it tells whoever waits for the end of the audio', () => {
    const { playout, clock, say } = setUp();
    say(itemOf(1), 1000);
    let told = false;
    playout.whenHeard(() => {
      told = true;
    });
    clock.advance(300);
    expect(playout.cut()).toHaveLength(1);
    expect(told).toBe(false);
    clock.advance(0);
    expect(told).toBe(true);
  });

  it('never falls back to "still playing" once it has said that all was heard', () => {
    const { playout, carrier, clock, say } = setUp();
    say(itemOf(1), 3000, 200);
    playout.finish(itemOf(1));
    clock.advance(5000);
    carrier.startLateMs = 1500;
    say(itemOf(2), 2000, 200);
    playout.finish(itemOf(2));
    clock.advance(2000);
    expect(playout.pendingMs).toBe(0);
    for (let step = 0; step < 40; step++) {
      clock.advance(100);
      expect(playout.pendingMs).toBe(0);
    }
  });

  it('ledger-order: what it once told as heard does not fall when it learns that the carrier began late', () => {
    const { playout, carrier, clock, say } = setUp();
    say(itemOf(1), 3000, 200);
    playout.finish(itemOf(1));
    clock.advance(5000);
    carrier.startLateMs = 1500;
    say(itemOf(2), 20_000, 200);
    let before = 0;
    for (let step = 0; step < 60; step++) {
      clock.advance(100);
      const heardMs = playout.heardMs(itemOf(2));
      expect(heardMs).toBeGreaterThanOrEqual(before);
      before = heardMs;
    }
  });

  it('asks to clear while the carrier has not acknowledged all, although the clock says it was heard', () => {
    const { playout, carrier, clock, say } = setUp();
    carrier.startLateMs = 800;
    say(itemOf(1), 1000);
    playout.finish(itemOf(1));
    clock.advance(1100);
    expect(playout.unconfirmed).toBe(true);
    expect(playout.cut()).toEqual([]);
    expect(carrier.clearsWritten).toBe(1);
    expect(playout.unconfirmed).toBe(false);
  });

  it('keeps what is generated before the media starts, and sends it whole', () => {
    const { playout, carrier, clock, heard, say } = setUp({}, false);
    say(itemOf(1), 1500, 300);
    playout.finish(itemOf(1));
    say(itemOf(2), 500, 100);
    expect(playout.pendingMs).toBe(2000);
    expect(playout.heardMs(itemOf(1))).toBe(0);
    clock.advance(3000);
    playout.open(carrier, pcmu8k, traits);
    playout.finish(itemOf(2));
    clock.advance(2100);
    expect(heard).toEqual(
      new Map([
        ['item-1', 1500],
        ['item-2', 500],
      ]),
    );
    expect(playout.unfinished).toBe(false);
  });

  it('sends the last samples of a converted answer, also of one made before the media started', () => {
    const lengths = [true, false].map((early) => {
      const clock = new VirtualClock();
      const nothing = () => undefined;
      const events = {
        itemSent: nothing,
        itemHeardFirst: nothing,
        itemHeard: nothing,
        underrun: nothing,
        drained: nothing,
      };
      const playout = new Playout({
        clock,
        ticker: new FrameTicker({ clock, log: silentLogger }),
        modelFormat: pcm16At(24_000),
        events,
      });
      let bytes = 0;
      const port = {
        play: (chunk: AudioChunk) => {
          bytes += chunk.byteLength;
        },
        mark: nothing,
        clear: nothing,
      };
      if (!early) playout.open(port, pcmu8k, traits);
      playout.append(itemOf(1), AudioChunk.fromBytes(Buffer.alloc(48 * 1000)));
      playout.finish(itemOf(1));
      if (early) playout.open(port, pcmu8k, traits);
      playout.close();
      return bytes;
    });
    expect(lengths[0]).toBe(lengths[1]);
    expect(lengths[0]).toBe(8000);
  });

  it('remembers a bounded number of marks of a carrier that returns none', () => {
    const { playout, clock, say } = setUp({ returnMs: 10_000_000 });
    for (let round = 0; round < 300; round++) {
      say(itemOf(1), 2000, 200);
      clock.advance(2000);
    }
    expect(playout.heardMs(itemOf(1))).toBe(600_000);
    playout.cut();
    playout.close();
  });

  it('leaves no timer when it is closed', () => {
    const { playout, clock, say } = setUp();
    say(itemOf(1), 1000);
    playout.whenHeard(() => undefined);
    clock.advance(100);
    playout.close();
    clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });
});

describe('an item with several audio parts', () => {
  const first: AudioItem = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };
  const second: AudioItem = { ...first, contentIndex: 1 };
  /** 1000 ms of the first part and 2000 ms of the second. */
  const twoParts = () => {
    const all = setUp();
    all.say(first, 1000);
    all.playout.finish(first);
    all.say(second, 2000);
    return all;
  };

  it('is cut in its second part, by that part’s own milliseconds', () => {
    const { clock, playout } = twoParts();
    clock.advance(1500);
    expect(playout.cut()).toEqual([
      { ...second, heardMs: 500, generatedMs: 2000, owned: true, generationDone: false },
    ]);
  });

  it('is cut in its first part: the model is told that one place, and nothing of the rest is played', () => {
    const { clock, playout } = twoParts();
    playout.finish(second);
    clock.advance(400);
    expect(playout.cut()).toEqual([
      { ...first, heardMs: 400, generatedMs: 1000, owned: true, generationDone: true },
      { ...second, heardMs: 0, generatedMs: 2000, owned: false, generationDone: true },
    ]);
    expect(playout.append(second, audio(100))).toBe(false);
    expect(playout.append({ ...first, contentIndex: 2 }, audio(100))).toBe(false);
  });

  it('is cut at the start of its second part when only the first was heard', () => {
    const { clock, playout } = twoParts();
    clock.advance(1000);
    expect(playout.cut()).toMatchObject([{ ...second, heardMs: 0, owned: true }]);
  });

  it('waits for its second part after the first is finished', () => {
    const { clock, playout, heard, drains } = twoParts();
    clock.advance(5000);
    expect(drains()).toBe(1);
    expect(playout.unfinished).toBe(true);
    expect(playout.generatedMs(second)).toBe(2000);
    playout.finish(second);
    expect(playout.unfinished).toBe(false);
    expect(heard.get('item-1')).toBe(2000);
  });

  it('is not mixed up with an item of the same name in another response', () => {
    const { clock, playout, say } = setUp();
    const other = { ...first, responseId: 'resp-2' };
    say(first, 1000);
    playout.finish(first);
    say(other, 1000);
    clock.advance(1200);
    expect(playout.cut()).toMatchObject([{ ...other, heardMs: 200, generatedMs: 1000, owned: true }]);
    expect(playout.append({ ...first, responseId: 'resp-3' }, audio(100))).toBe(true);
  });
});
