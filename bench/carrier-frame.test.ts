import { describe, expect, it } from 'vitest';
import { CarrierFrame } from './carrier-frame.ts';
import { FrameReader } from './raw-websocket.ts';
import {
  blockBytes,
  blockChars,
  findStamp,
  quietBlock,
  readStamp,
  readStampText,
  writeStamp,
} from './stamps.ts';

const key = Uint8Array.of(1, 2, 3, 4);

function decode(frame: Buffer): { sequenceNumber: string; streamSid: string; media: Record<string, string> } {
  let text = '';
  const onFrame = (_opcode: number, payload: Buffer): void => {
    text = payload.toString();
  };
  new FrameReader({ expectMasked: true, onFrame }).push(Buffer.from(frame));
  return JSON.parse(text);
}

describe('prebuilt carrier frames', () => {
  it('are valid media messages whose counters grow through every width', () => {
    const frame = new CarrierFrame(70_001, 'MZ1', key);
    for (const index of [0, 1, 4, 5, 8, 9, 49, 50, 99, 100, 999, 5000, 123_456]) {
      const { sequenceNumber, streamSid, media } = decode(frame.at(index, index + 3, index === 100));
      expect([sequenceNumber, streamSid]).toEqual([String(index + 3), 'MZ1']);
      expect([media.chunk, media.timestamp]).toEqual([String(index + 1), String(index * 20)]);
      const audio = Buffer.from(media.payload ?? '', 'base64');
      expect(audio.length).toBe(blockBytes);
      expect(readStamp(audio, 0)).toEqual({ id: 70_001, sequence: index });
    }
  });
});

describe('stamps', () => {
  it('read the same from bytes and from base64 text', () => {
    const block = quietBlock(3);
    writeStamp(block, 0, 0xabcdef, 987_654_321);
    const text = Buffer.from(block.toString('base64'));
    expect(text.length).toBe(blockChars);
    expect(readStampText(text, 0)).toEqual({ id: 0xabcdef, sequence: 987_654_321 });
    expect(readStamp(block, 0)).toEqual(readStampText(text, 0));
  });

  it('are found in the midst of audio and nowhere else', () => {
    const block = quietBlock(5);
    expect(findStamp(block, 0)).toBe(-1);
    writeStamp(block, 37, 1, 2);
    expect(findStamp(block, 0)).toBe(37);
    expect(readStamp(block, 36)).toBeUndefined();
  });
});
