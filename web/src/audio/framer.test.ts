import { expect, it } from 'vitest';
import { Framer, fromPcm16, LevelMeter } from './framer.ts';

it('cuts blocks of 128 into frames of 20 ms without losing a sample', () => {
  const framer = new Framer(480);
  const frames: Int16Array[] = [];
  for (let block = 0; block < 15; block++) {
    framer.push(new Float32Array(128).fill(block / 32768), (frame) => frames.push(frame));
  }
  expect(frames.map((frame) => frame.length)).toEqual([480, 480, 480, 480]);
  expect(frames[0]?.[383]).toBe(2);
  expect(frames[0]?.[384]).toBe(3);
});

it('limits what is too loud instead of wrapping it', () => {
  const frames: Int16Array[] = [];
  new Framer(3).push(Float32Array.of(1.5, -1.5, -1), (frame) => frames.push(frame));
  expect([...(frames[0] ?? [])]).toEqual([32767, -32768, -32768]);
});

it('reads pcm16 as the wire has it', () => {
  expect([...fromPcm16(new Uint8Array([0, 0x80, 0, 0x40]).buffer)]).toEqual([-1, 0.5]);
});

it('measures a level per stretch', () => {
  const meter = new LevelMeter(256);
  expect(meter.push(new Float32Array(128).fill(0.5))).toBeUndefined();
  expect(meter.push(new Float32Array(128).fill(-0.5))).toBe(0.5);
});
