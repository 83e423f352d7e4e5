import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { decodeSamples, encodeSamples } from './convert.ts';
import { pcma8k, pcmu8k } from './format.ts';
import { dtmf, sine } from './tones.ts';
import { readWav, writeWav } from './wav.ts';

const malformed = expect.objectContaining({ code: 'PATCHCORD_AUDIO_MALFORMED' });
const unsupported = expect.objectContaining({ code: 'PATCHCORD_AUDIO_FORMAT' });
const hasSox = spawnSync('sox', ['--version']).status === 0;

interface FormatFields {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

const mono16: FormatFields = { tag: 1, channels: 1, sampleRate: 8000, bits: 16 };

function formatBody({ tag, channels, sampleRate, bits }: FormatFields): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt16LE(tag, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(sampleRate, 4);
  body.writeUInt32LE((sampleRate * channels * bits) / 8, 8);
  body.writeUInt16LE((channels * bits) / 8, 12);
  body.writeUInt16LE(bits, 14);
  return body;
}

function chunk(name: string, body: Uint8Array, declared = body.length): Buffer {
  const head = Buffer.from(`${name}\0\0\0\0`, 'latin1');
  head.writeUInt32LE(declared, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

function riff(...chunks: readonly Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...chunks]));
}

describe('writeWav and readWav', () => {
  it('give mono and stereo audio back as it was', () => {
    const stereo = fc
      .array(fc.tuple(fc.integer({ min: -32768, max: 32767 }), fc.integer({ min: -32768, max: 32767 })))
      .map((frames) => [
        Int16Array.from(frames, ([left]) => left),
        Int16Array.from(frames, ([, right]) => right),
      ]);
    const channels = fc.oneof(
      fc.int16Array().map((samples) => [samples]),
      stereo,
    );
    fc.assert(
      fc.property(channels, fc.constantFrom(8000, 24000, 44100), (audio, sampleRate) => {
        expect(readWav(writeWav({ sampleRate, channels: audio }))).toEqual({ sampleRate, channels: audio });
      }),
    );
  });

  it('refuse to write what is neither mono nor stereo', () => {
    const channel = new Int16Array(4);
    for (const channels of [[], [channel, channel, channel], [channel, new Int16Array(3)]]) {
      expect(() => writeWav({ sampleRate: 8000, channels })).toThrow(RangeError);
    }
  });

  it.skipIf(!hasSox)('agree with sox on what a file holds', () => {
    const left = sine(440, 50, 16000);
    const file = writeWav({ sampleRate: 16000, channels: [left, dtmf('7', 50, 16000)] });
    const args = ['-t', 'wav', '-', '-t', 'raw', '-', 'remix', '1'];
    const theirs = execFileSync('sox', ['-D', ...args], { input: file });
    expect(decodeSamples(theirs, { encoding: 'pcm16', sampleRate: 16000 })).toEqual(left);
    // Through a pipe sox can't go back to fill in the length.
    for (const [encoding, bits, format] of [
      ['mu-law', '8', pcmu8k],
      ['a-law', '8', pcma8k],
    ] as const) {
      const tone = encodeSamples(sine(440, 50, 8000), format);
      const raw = ['-t', 'raw', '-r', '8000', '-c', '1', '-e', encoding, '-b', bits, '-'];
      const wav = execFileSync('sox', ['-D', '-V1', ...raw, '-t', 'wav', '-e', encoding, '-'], {
        input: tone,
      });
      expect(readWav(wav)).toEqual({ sampleRate: 8000, channels: [decodeSamples(tone, format)] });
    }
  });
});

describe('readWav', () => {
  const format = chunk('fmt ', formatBody(mono16));
  const data = chunk('data', Uint8Array.of(1, 0, 255, 255));
  const samples = [Int16Array.of(1, -1)];

  it('skips chunks it does not know, padded ones too, and what comes after the audio', () => {
    const list = chunk('LIST', Buffer.from('odd'));
    const file = riff(list, format, chunk('bext', Buffer.alloc(6)), list, data, list);
    expect(readWav(file).channels).toEqual(samples);
  });

  it('reads stereo G.711 and the extensible header', () => {
    const law = chunk('fmt ', formatBody({ ...mono16, tag: 7, bits: 8, channels: 2 }));
    expect(readWav(riff(law, chunk('data', Uint8Array.of(0x80, 0xff, 0x00, 0xff)))).channels).toEqual([
      Int16Array.of(32124, -32124),
      Int16Array.of(0, 0),
    ]);
    const extension = Buffer.alloc(24);
    extension.writeUInt16LE(1, 8);
    const extensible = Buffer.concat([formatBody({ ...mono16, tag: 0xfffe }), extension]);
    expect(readWav(riff(chunk('fmt ', extensible), data)).channels).toEqual(samples);
    expect(() => readWav(riff(chunk('fmt ', extensible.subarray(0, 24)), data))).toThrow(malformed);
  });

  it('reads a file whose length was not known when it was begun', () => {
    const open = chunk('data', Uint8Array.of(1, 0, 255, 255), 0xffffffff);
    expect(readWav(riff(format, open)).channels).toEqual(samples);
    const cut = riff(format, chunk('data', Uint8Array.of(1, 0, 255, 255, 9), 0x7ffff000)).subarray(0, -2);
    expect(readWav(cut).channels).toEqual(samples);
  });

  it('says that a broken file is broken', () => {
    const whole = riff(format, data);
    const broken = [
      Buffer.alloc(0),
      Buffer.from('RIFF\0\0\0\0AVI LIST'),
      whole.subarray(0, 11),
      whole.subarray(0, 40),
      whole.subarray(0, -1),
      riff(format),
      riff(data, format),
      riff(chunk('fmt ', Buffer.alloc(14)), data),
      riff(format, chunk('data', Buffer.alloc(3))),
      riff(chunk('LIST', Buffer.alloc(4), 0xfffffff0), format, data),
    ];
    for (const file of broken) expect(() => readWav(file)).toThrow(malformed);
  });

  it('says which audio it cannot use', () => {
    const others: readonly Partial<FormatFields>[] = [
      { tag: 3, bits: 32 },
      { bits: 24 },
      { bits: 8 },
      { tag: 7 },
      { channels: 0 },
      { channels: 6 },
      { sampleRate: 0 },
    ];
    for (const other of others) {
      const file = riff(chunk('fmt ', formatBody({ ...mono16, ...other })), data);
      expect(() => readWav(file)).toThrow(unsupported);
    }
  });

  it('survives any damage to a file: it reads it or says what is wrong', () => {
    const file = riff(chunk('LIST', Buffer.from('odd')), format, chunk('data', Buffer.alloc(64, 7)));
    const edit = fc.tuple(fc.nat(file.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 6 }), fc.nat(file.length), (edits, length) => {
        const damaged = Buffer.from(file);
        for (const [at, byte] of edits) damaged[at] = byte;
        expectReadOrRefused(damaged.subarray(0, length));
        expectReadOrRefused(damaged);
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectReadOrRefused));
  });
});

function expectReadOrRefused(file: Uint8Array): void {
  try {
    const { channels, sampleRate } = readWav(file);
    expect(sampleRate).toBeGreaterThan(0);
    expect(channels[0]?.length).toBeLessThanOrEqual(file.length);
    expect(channels[1]?.length ?? channels[0]?.length).toBe(channels[0]?.length);
  } catch (error) {
    expect(error).toBeInstanceOf(PatchcordError);
    expect(['PATCHCORD_AUDIO_MALFORMED', 'PATCHCORD_AUDIO_FORMAT']).toContain((error as PatchcordError).code);
  }
}
