import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../audio/chunk.ts';
import { type AudioFormat, bytesPerMs, pcm16At, pcmu8k } from '../audio/format.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FrameTicker, type Ticker } from './frame-ticker.ts';
import type { Delivery, PlaybackTraits } from './leg.ts';
import type { AudioItem } from './model-session.ts';
import { Playout } from './playout.ts';
import { seeded } from './testing/seeded.ts';
import { liveCall } from './testing/set-up.ts';
import { SimulatedCarrier } from './testing/simulated-carrier.ts';

interface Piece {
  readonly at: number;
  readonly bytes: Buffer;
}

/** A ledger over a leg that writes down what it is given and when. */
function ledger(
  delivery: Delivery,
  more: Partial<PlaybackTraits> = {},
  format: AudioFormat = pcmu8k,
  ticker?: Ticker,
) {
  const clock = new VirtualClock();
  const pieces: Piece[] = [];
  const marks: { readonly name: string; readonly afterBytes: number }[] = [];
  const heard = new Map<string, number>();
  let clears = 0;
  let underruns = 0;
  let bytes = 0;
  const playout = new Playout({
    clock,
    ticker: ticker ?? new FrameTicker({ clock, log: silentLogger }),
    modelFormat: format,
    events: {
      itemSent: () => undefined,
      itemHeardFirst: () => undefined,
      itemHeard: (item, heardMs) => heard.set(item.itemId, heardMs),
      underrun: () => {
        underruns += 1;
      },
      drained: () => undefined,
    },
  });
  const port = {
    play: (chunk: AudioChunk) => {
      bytes += chunk.byteLength;
      pieces.push({ at: clock.now(), bytes: Buffer.from(chunk.bytes()) });
    },
    mark: (name: string) => marks.push({ name, afterBytes: bytes }),
    clear: () => {
      clears += 1;
    },
  };
  playout.open(port, format, {
    buffering: 'queued',
    acknowledges: 'nothing',
    markEveryMs: 200,
    continuousMedia: false,
    delivery,
    ...more,
  });
  const sent = (): Buffer => Buffer.concat(pieces.map((piece) => piece.bytes));
  return { clock, playout, pieces, marks, heard, sent, clears: () => clears, underruns: () => underruns };
}

const item = (number: number): AudioItem => ({
  responseId: `r${number}`,
  itemId: `i${number}`,
  contentIndex: 0,
});

/** µ-law whose bytes can be told apart, none of them silence. */
function audio(ms: number, seed = 1): AudioChunk {
  const random = seeded(seed);
  return AudioChunk.fromBytes(Buffer.from(Array.from({ length: ms * 8 }, () => Math.floor(random() * 250))));
}

const silence = (bytes: number): Buffer => Buffer.alloc(bytes, 0xff);

describe('a carrier that plays what it gets when it gets it', () => {
  const paced = (delivery: Delivery = {}) => ledger({ frameMs: 20, ...delivery }, { buffering: 'paced' });

  it('is given one frame every 20 ms, whatever sizes the model sends', () => {
    const { clock, playout, pieces, sent } = paced();
    const whole = audio(1000);
    for (let at = 0; at < 8000; at += 777) playout.append(item(1), whole.slice(at, at + 777));
    playout.finish(item(1));
    clock.advance(3000);
    expect(pieces.map(({ bytes }) => bytes.length)).toEqual(Array.from({ length: 50 }, () => 160));
    const [first] = pieces;
    expect(pieces.map(({ at }) => at - (first?.at ?? 0))).toEqual(pieces.map((_, index) => index * 20));
    expect(sent().equals(whole.bytes())).toBe(true);
  });

  it('gets the end of an answer filled up with silence, which nobody takes for speech', () => {
    const { clock, playout, heard, sent } = paced();
    playout.append(item(1), audio(50));
    playout.finish(item(1));
    clock.advance(200);
    expect(sent().equals(Buffer.concat([audio(50).bytes(), silence(80)]))).toBe(true);
    expect(heard.get('i1')).toBe(50);
  });

  it('counts all that it was sent as heard when an answer is cut: nothing can be taken back', () => {
    const { clock, playout, pieces } = paced();
    playout.append(item(1), audio(1000));
    clock.advance(205);
    expect(playout.cut()).toMatchObject([{ itemId: 'i1', heardMs: pieces.length * 20 }]);
  });

  it('gets silence where there is nothing to say, if its line needs it, and nothing otherwise', () => {
    const quiet = paced();
    quiet.clock.advance(1000);
    expect(quiet.pieces).toEqual([]);
    expect(quiet.clock.pending).toBe(0);
    const filled = paced({ fillsSilence: true });
    filled.clock.advance(1000);
    expect(filled.pieces).toHaveLength(50);
    expect(filled.sent().equals(silence(50 * 160))).toBe(true);
    filled.playout.append(item(1), audio(100));
    filled.playout.finish(item(1));
    filled.clock.advance(200);
    expect(filled.pieces).toHaveLength(60);
    expect(filled.underruns()).toBe(0);
    filled.playout.close();
    filled.clock.advance(1000);
    expect(filled.pieces).toHaveLength(60);
    expect(filled.clock.pending).toBe(0);
  });

  it('falls silent at once, and the ledger knows what was written', () => {
    const { clock, playout, pieces } = paced();
    playout.append(item(1), audio(2000));
    clock.advance(505);
    const before = pieces.length;
    const [cut] = playout.cut();
    clock.advance(1000);
    expect(pieces).toHaveLength(before);
    expect(cut?.heardMs).toBe(before * 20);
  });

  it('hears all that was written, be it that frames came late and several at once', () => {
    let due: (frames: number) => void = () => undefined;
    const ticker: Ticker = {
      frameMs: 20,
      join(member) {
        due = member;
        return () => undefined;
      },
      look: () => undefined,
    };
    const { clock, playout, sent } = ledger({ frameMs: 20 }, { buffering: 'paced' }, pcmu8k, ticker);
    playout.append(item(1), audio(2000));
    for (const frames of [1, 1, 1, 4, 1]) {
      clock.advance(frames * 20);
      due(frames);
    }
    clock.advance(5);
    const [cut] = playout.cut();
    expect(cut?.heardMs).toBe(160);
    expect(sent()).toHaveLength(160 * 8);
  });

  it('looks after the frames that are due with all audio that passes, from the model and from the caller', () => {
    let looks = 0;
    const ticker: Ticker = {
      frameMs: 20,
      join: () => () => undefined,
      look: () => {
        looks += 1;
      },
    };
    const { playout } = ledger({ frameMs: 20 }, { buffering: 'paced' }, pcmu8k, ticker);
    playout.append(item(1), audio(400));
    expect(looks).toBe(1);
    const { leg } = liveCall({ ticker });
    leg.events.audio(audio(20));
    leg.events.audio(audio(20));
    expect(looks).toBe(3);
  });

  it('counts a hole in an answer, and no jitter of the ticker', () => {
    const { clock, playout, underruns } = paced();
    playout.append(item(1), audio(100));
    clock.advance(1000);
    expect(underruns()).toBe(0);
    playout.append(item(1), audio(100));
    clock.advance(1000);
    expect(underruns()).toBe(1);
  });
});

describe('a carrier that takes whole frames', () => {
  it('is given multiples of a frame, and the rest with what comes next', () => {
    const { playout, pieces, sent } = ledger({ frameMs: 20, maxChunkMs: 1000 });
    const whole = audio(3000);
    let at = 0;
    for (const bytes of [100, 100, 9000, 8, 7000, 7792]) {
      playout.append(item(1), whole.slice(at, at + bytes));
      at += bytes;
    }
    playout.finish(item(1));
    for (const { bytes } of pieces) {
      expect(bytes.length % 160).toBe(0);
      expect(bytes.length).toBeLessThanOrEqual(8000);
    }
    expect(sent().equals(whole.bytes())).toBe(true);
  });

  it('is given a whole frame also where a piece may be no longer than a part of one', () => {
    const { playout, pieces } = ledger({ frameMs: 20, maxChunkMs: 10 });
    playout.append(item(1), audio(60));
    expect(pieces.map(({ bytes }) => bytes.length)).toEqual([160, 160, 160]);
  });

  it('puts the beginning of the next answer behind the end of the last without a hole', () => {
    const { playout, sent, marks } = ledger({ frameMs: 20 }, { acknowledges: 'marks' });
    playout.append(item(1), audio(30, 1));
    playout.append(item(2), audio(50, 2));
    playout.finish(item(1));
    playout.finish(item(2));
    expect(sent().equals(Buffer.concat([audio(30, 1).bytes(), audio(50, 2).bytes()]))).toBe(true);
    expect(marks.at(-1)?.afterBytes).toBe(640);
  });
});

describe('a carrier that keeps no more than so much', () => {
  it('is never sent further ahead, and hears all of a long answer without a hole', () => {
    const { clock, playout, pieces, sent, underruns, heard } = ledger({ leadMs: 5000, maxChunkMs: 1000 });
    for (let second = 0; second < 180; second++) playout.append(item(1), audio(1000, second));
    playout.finish(item(1));
    let sentMs = 0;
    const [first] = pieces;
    clock.advance(200_000);
    for (const { at, bytes } of pieces) {
      sentMs += bytes.length / 8;
      expect(sentMs - (at - (first?.at ?? 0))).toBeLessThanOrEqual(5000.001);
    }
    expect(sent()).toHaveLength(180 * 8000);
    expect(underruns()).toBe(0);
    expect(heard.get('i1')).toBe(180_000);
  });

  it('is sent pieces within its bound where one piece alone is longer', () => {
    const { clock, playout, pieces, sent } = ledger({ leadMs: 500, frameMs: 20 });
    playout.append(item(1), audio(3000));
    playout.finish(item(1));
    expect(pieces.map(({ bytes }) => bytes.length / 8)).toEqual([500]);
    clock.advance(2600);
    expect(sent()).toHaveLength(3000 * 8);
  });

  it('is sent pieces within its bound where the least piece would be longer', () => {
    const { clock, playout, sent } = ledger({
      leadMs: 1000,
      minChunkMs: 1050,
      maxChunkMs: 8000,
      everyMs: 1000,
    });
    playout.append(item(1), audio(3000));
    playout.finish(item(1));
    clock.advance(20_000);
    expect(sent()).toHaveLength(3000 * 8);
  });

  it('is not sent what waited when it is told to fall silent', () => {
    const { clock, playout, pieces, clears } = ledger({ leadMs: 2000, maxChunkMs: 500 });
    playout.append(item(1), audio(60_000));
    clock.advance(1000);
    const [cut] = playout.cut();
    expect(clears()).toBe(1);
    expect(cut?.heardMs).toBe(1000);
    const before = pieces.length;
    clock.advance(60_000);
    expect(pieces).toHaveLength(before);
    expect(clock.pending).toBe(0);
  });
});

describe('a carrier that takes few, large pieces', () => {
  const rules: Delivery = { minChunkMs: 200, maxChunkMs: 8000, everyMs: 200, leadMs: 60_000 };

  it('is given no small ones but for the end of an answer, and no two within the interval', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ ms: fc.integer({ min: 5, max: 700 }), waitMs: fc.integer({ min: 0, max: 400 }) }),
          {
            minLength: 1,
            maxLength: 40,
          },
        ),
        (deltas) => {
          const { clock, playout, pieces, sent } = ledger(rules);
          const all: Buffer[] = [];
          for (const [index, { ms, waitMs }] of deltas.entries()) {
            const chunk = audio(ms, index);
            all.push(chunk.bytes());
            playout.append(item(1), chunk);
            clock.advance(waitMs);
          }
          playout.finish(item(1));
          clock.advance(120_000);
          expect(sent().equals(Buffer.concat(all))).toBe(true);
          for (const [index, { at, bytes }] of pieces.entries()) {
            if (index < pieces.length - 1) expect(bytes.length).toBeGreaterThanOrEqual(1600);
            expect(bytes.length).toBeLessThanOrEqual(64_000);
            const next = pieces[index + 1];
            if (next) expect(next.at - at).toBeGreaterThanOrEqual(200 - 1e-6);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a carrier that tells only when playback begins and ends', () => {
  function talk(outboundMs: number, returnMs: number, startLateMs: number) {
    const clock = new VirtualClock();
    const playout: Playout = new Playout({
      clock,
      ticker: new FrameTicker({ clock, log: silentLogger }),
      modelFormat: pcmu8k,
      events: {
        itemSent: () => undefined,
        itemHeardFirst: () => undefined,
        itemHeard: () => undefined,
        underrun: () => undefined,
        drained: () => undefined,
      },
    });
    const carrier = new SimulatedCarrier({
      clock,
      format: pcmu8k,
      outboundMs,
      returnMs,
      returned: () => undefined,
      told: (event) =>
        playout.acknowledged(
          event === 'started'
            ? { type: 'started', roundTripMs: outboundMs + returnMs }
            : { type: 'completed' },
        ),
    });
    carrier.startLateMs = startLateMs;
    playout.open(carrier, pcmu8k, {
      buffering: 'queued',
      acknowledges: 'events',
      markEveryMs: 0,
      continuousMedia: false,
      delivery: { minChunkMs: 200, everyMs: 200 },
    });
    return { clock, playout, carrier };
  }

  it('is known to within 60 ms, however late it begins to play', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 150 }),
        fc.integer({ min: 0, max: 150 }),
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1000, max: 4500 }),
        (outboundMs, returnMs, startLateMs, afterMs) => {
          const { clock, playout, carrier } = talk(outboundMs, returnMs, startLateMs);
          carrier.tag = 'i1';
          playout.append(item(1), audio(6000));
          clock.advance(afterMs);
          const [cut] = playout.cut();
          clock.advance(1000);
          const [clear] = carrier.clears;
          expect(Math.abs((cut?.heardMs ?? 0) - (clear?.get('i1') ?? 0))).toBeLessThanOrEqual(60);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is waited for until it says that all was played, and told to fall silent only while it may play', () => {
    const { clock, playout, carrier } = talk(50, 50, 100);
    playout.append(item(1), audio(500));
    playout.finish(item(1));
    let heardAt = 0;
    playout.whenHeard(() => {
      heardAt = clock.now();
    });
    clock.advance(2000);
    // 50 ms to the carrier, 100 ms until it began, 500 ms of audio, 50 ms back.
    expect(heardAt).toBe(700);
    playout.cut();
    expect(carrier.clearsWritten).toBe(0);
  });
});

describe('a carrier that takes no audio for a while', () => {
  for (const [name, delivery] of [
    ['and else takes what comes', {}],
    ['and else takes few, large pieces', { minChunkMs: 200, everyMs: 200, leadMs: 60_000 }],
  ] as const) {
    it(`is sent nothing meanwhile, and everything afterwards (${name})`, () => {
      const { clock, playout, pieces, sent, heard } = ledger(delivery);
      playout.append(item(1), audio(1000, 1));
      clock.advance(500);
      playout.flow(false);
      const before = pieces.length;
      playout.append(item(1), audio(1000, 2));
      playout.finish(item(1));
      let heardAt = 0;
      playout.whenHeard(() => {
        heardAt = clock.now();
      });
      clock.advance(9500);
      expect(pieces).toHaveLength(before);
      expect(playout.heardMs(item(1))).toBe(1000);
      playout.flow(true);
      clock.advance(5000);
      expect(sent().equals(Buffer.concat([audio(1000, 1).bytes(), audio(1000, 2).bytes()]))).toBe(true);
      expect([heard.get('i1'), heardAt]).toEqual([2000, 11_000]);
    });
  }

  it('forgets what waits when it is told to fall silent', () => {
    const { clock, playout, sent } = ledger({});
    playout.flow(false);
    playout.append(item(1), audio(1000, 1));
    clock.advance(3000);
    const [cut] = playout.cut();
    playout.flow(true);
    clock.advance(3000);
    expect([cut?.heardMs, sent().length]).toEqual([0, 0]);
  });
});

describe('a wideband carrier', () => {
  it('gets whole frames of its own rate', () => {
    const { playout, pieces } = ledger({ frameMs: 20 }, {}, pcm16At(16_000));
    playout.append(item(1), AudioChunk.fromBytes(Buffer.alloc(50 * bytesPerMs(pcm16At(16_000)), 1)));
    playout.finish(item(1));
    expect(pieces.map(({ bytes }) => bytes.length)).toEqual([1280, 640]);
  });
});
