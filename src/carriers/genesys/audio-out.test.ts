import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { AudioOut } from './audio-out.ts';

const chunk = (bytes: number, fill = 7): AudioChunk => AudioChunk.fromBytes(Buffer.alloc(bytes, fill));

let clock: VirtualClock;
let frames: { readonly bytes: Buffer; readonly at: number }[];
let audio: AudioOut;

beforeEach(() => {
  clock = new VirtualClock();
  frames = [];
  audio = new AudioOut({
    clock,
    everyMs: 200,
    capacity: 200_000,
    write: (bytes) => frames.push({ bytes, at: clock.now() }),
  });
});

describe('agent audio', () => {
  it('is written as it comes, without a copy', () => {
    const one = chunk(1600);
    audio.play(one);
    audio.play(chunk(64_000));
    expect(frames[0]?.bytes).toBe(one.bytes());
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([1600, 64_000]);
    expect(clock.pending).toBe(0);
  });

  it('is split where it is too long for one message', () => {
    audio.play(chunk(150_000));
    clock.advance(1000);
    expect(frames.map(({ bytes, at }) => [bytes.length, at])).toEqual([
      [64_000, 0],
      [64_000, 200],
      [22_000, 400],
    ]);
  });

  it('waits while it is held, and then leaves in few frames, at a pace, before what comes later', () => {
    audio.play(chunk(1600, 1));
    audio.hold();
    for (let n = 0; n < 60; n++) audio.play(chunk(1600, 2));
    expect(audio.isBehind).toBe(true);
    clock.advance(3000);
    expect(frames).toHaveLength(1);
    audio.release();
    audio.play(chunk(800, 3));
    clock.advance(1000);
    audio.play(chunk(160, 4));
    expect(frames.slice(1).map(({ bytes, at }) => [bytes.length, at])).toEqual([
      [64_000, 3000],
      [32_800, 3200],
      [160, 4000],
    ]);
    expect(frames[2]?.bytes.at(-1)).toBe(3);
    expect(audio.isBehind).toBe(false);
  });

  it('keeps its distance from the last of what was held', () => {
    audio.hold();
    audio.play(chunk(160, 1));
    audio.release();
    audio.play(chunk(160, 2));
    expect(frames.map(({ at }) => at)).toEqual([0]);
    clock.advance(200);
    expect(frames.map(({ at }) => at)).toEqual([0, 200]);
  });

  it('is forgotten when it is dropped', () => {
    audio.hold();
    audio.play(chunk(1600));
    audio.drop();
    audio.release();
    clock.advance(1000);
    expect(frames).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('is refused when too much is held', () => {
    audio.hold();
    expect(audio.play(chunk(200_000))).toBe(true);
    expect(audio.play(chunk(1))).toBe(false);
  });

  it('is whole and in order, whatever is held when', () => {
    const step = fc.oneof(
      fc.nat(90_000).map((bytes) => ({ do: 'play' as const, bytes })),
      fc.constant({ do: 'hold' as const }),
      fc.constant({ do: 'release' as const }),
      fc.nat(500).map((ms) => ({ do: 'wait' as const, ms })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const time = new VirtualClock();
        const out: Buffer[] = [];
        const any = new AudioOut({
          clock: time,
          everyMs: 200,
          capacity: 1e9,
          write: (frame) => out.push(frame),
        });
        const given: Buffer[] = [];
        for (const [index, one] of steps.entries()) {
          if (one.do === 'play') {
            given.push(Buffer.alloc(one.bytes, index));
            any.play(AudioChunk.fromBytes(Buffer.alloc(one.bytes, index)));
          } else if (one.do === 'wait') time.advance(one.ms);
          else any[one.do]();
        }
        any.release();
        time.advance(60_000);
        expect(Buffer.concat(out).equals(Buffer.concat(given))).toBe(true);
        expect(out.every(({ length }) => length > 0 && length <= 64_000)).toBe(true);
        expect(time.pending).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
