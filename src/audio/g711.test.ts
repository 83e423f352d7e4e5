import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from './g711.ts';

interface Law {
  readonly name: 'mu-law' | 'a-law';
  readonly encode: typeof encodeMulaw;
  readonly decode: typeof decodeMulaw;
  /** 16-bit units per unit of the standard's tables. */
  readonly unit: number;
  /** Upper decision value of each segment of the positive half (G.711, tables 1a and 2a, column 3). */
  readonly segmentEnds: readonly number[];
  readonly codeOfInterval: (interval: number) => number;
  readonly sox: readonly string[];
}

const laws: readonly Law[] = [
  {
    name: 'mu-law',
    encode: encodeMulaw,
    decode: decodeMulaw,
    unit: 4,
    segmentEnds: [31, 95, 223, 479, 991, 2015, 4063, 8159],
    codeOfInterval: (interval) => 0xff - interval,
    sox: ['-e', 'mu-law', '-b', '8'],
  },
  {
    name: 'a-law',
    encode: encodeAlaw,
    decode: decodeAlaw,
    unit: 8,
    segmentEnds: [32, 64, 128, 256, 512, 1024, 2048, 4096],
    codeOfInterval: (interval) => (0x80 + interval) ^ 0x55,
    sox: ['-e', 'a-law', '-b', '8'],
  },
];

/** All 129 decision values of a positive half: sixteen equal intervals in each segment. */
function decisionValues(law: Law): number[] {
  const values = [0];
  law.segmentEnds.forEach((end, segment) => {
    const start = law.segmentEnds[segment - 1] ?? (law.name === 'mu-law' ? -1 : 0);
    for (let i = 1; i <= 16; i++) values.push(start + ((end - start) * i) / 16);
  });
  return values;
}

function encodeOne(law: Law, sample: number): number {
  const out = new Uint8Array(1);
  law.encode(Int16Array.of(sample), out);
  return out[0] as number;
}

function decodeOne(law: Law, code: number): number {
  const out = new Int16Array(1);
  law.decode(Uint8Array.of(code), out);
  return out[0] as number;
}

const allCodes = Uint8Array.from({ length: 256 }, (_, code) => code);
const allSamples = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
const hasSox = spawnSync('sox', ['--version']).status === 0;
const rawPcm = ['-t', 'raw', '-r', '8000', '-c', '1', '-e', 'signed', '-b', '16', '-L'];

describe.each(laws)('$name', (law) => {
  const decisions = decisionValues(law);

  it('reconstructs every code to the middle of its interval in the standard', () => {
    expect(decisions).toHaveLength(129);
    for (let interval = 0; interval < 128; interval++) {
      const [low, high] = [decisions[interval] as number, decisions[interval + 1] as number];
      // The first µ-law interval reaches from -1 to 1 over both signs and stands for 0.
      const middle = law.name === 'mu-law' && interval === 0 ? 0 : (low + high) / 2;
      const code = law.codeOfInterval(interval);
      expect(decodeOne(law, code)).toBe(middle * law.unit);
      expect(decodeOne(law, code ^ 0x80)).toBe(0 - middle * law.unit);
    }
  });

  it('changes code exactly at the decision values of the standard', () => {
    for (let interval = 0; interval < 128; interval++) {
      const low = (decisions[interval] as number) * law.unit;
      const high = Math.min((decisions[interval + 1] as number) * law.unit, 32768);
      const code = law.codeOfInterval(interval);
      expect(encodeOne(law, low)).toBe(code);
      expect(encodeOne(law, high - 1)).toBe(code);
      expect(encodeOne(law, -low - 1)).toBe(code ^ 0x80);
      expect(encodeOne(law, -high)).toBe(code ^ 0x80);
    }
    expect(encodeOne(law, 32767)).toBe(law.codeOfInterval(127));
    expect(encodeOne(law, -32768)).toBe(law.codeOfInterval(127) ^ 0x80);
  });

  it('gives every code back after a round trip, but for the second zero of mu-law', () => {
    const samples = new Int16Array(256);
    law.decode(allCodes, samples);
    const codes = new Uint8Array(256);
    law.encode(samples, codes);
    const expected = allCodes.map((code) => (law.name === 'mu-law' && code === 0x7f ? 0xff : code));
    expect(codes).toEqual(expected);
  });

  it('writes at the place it is told and refuses a place without room', () => {
    const bytes = new Uint8Array(4);
    law.encode(Int16Array.of(1000, -1000), bytes, 1);
    expect([...bytes]).toEqual([0, encodeOne(law, 1000), encodeOne(law, -1000), 0]);
    const samples = new Int16Array(3);
    law.decode(bytes.subarray(1, 3), samples, 1);
    expect(samples[0]).toBe(0);
    expect(samples[2]).toBe(decodeOne(law, encodeOne(law, -1000)));
    expect(() => law.decode(bytes, samples)).toThrow(RangeError);
    expect(() => law.encode(samples, bytes, 2)).toThrow(RangeError);
    expect(() => law.encode(samples, bytes, -1)).toThrow(RangeError);
  });

  it.skipIf(!hasSox)('decodes every code as sox does', () => {
    const args = ['-D', '-t', 'raw', '-r', '8000', '-c', '1', ...law.sox, '-', ...rawPcm, '-'];
    const theirs = execFileSync('sox', args, { input: allCodes, stdio: ['pipe', 'pipe', 'ignore'] });
    const ours = new Int16Array(256);
    law.decode(allCodes, ours);
    expect([...ours]).toEqual(Array.from({ length: 256 }, (_, i) => theirs.readInt16LE(2 * i)));
  });

  it.skipIf(!hasSox)('encodes every sample as sox does, but for those at a decision value', () => {
    const input = Buffer.from(allSamples.buffer);
    const args = ['-D', ...rawPcm, '-', '-t', 'raw', ...law.sox, '-'];
    const theirs = execFileSync('sox', args, { input, stdio: ['pipe', 'pipe', 'ignore'] });
    const ours = new Uint8Array(allSamples.length);
    law.encode(allSamples, ours);
    // sox rounds to 14 or 13 bits first, which moves a decision by up to one such unit.
    const nearDecision = (sample: number): boolean =>
      decisions.some((value) => Math.abs(Math.abs(sample) - value * law.unit) <= law.unit);
    const different = [...allSamples].filter((_, i) => ours[i] !== theirs[i]);
    expect(different.filter((sample) => !nearDecision(sample))).toEqual([]);
    expect(theirs).toHaveLength(ours.length);
  });
});
