import { describe, expect, it } from 'vitest';
import { slin8 } from './codings.ts';
import { MediaFrame, mulawText, slin8Text } from './media-frame.ts';
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

function textOf(frame: Buffer): string {
  let text = '';
  const onFrame = (_opcode: number, payload: Buffer): void => {
    text = payload.toString();
  };
  new FrameReader({ expectMasked: true, onFrame }).push(Buffer.from(frame));
  return text;
}

describe('prebuilt media frames', () => {
  it('are valid messages whose numbers grow through every width', () => {
    const numbers = ['{"sequence":"', '","media":{"chunk":', ',"timestamp":"'];
    const template = { numbers, beforePayload: '","payload":"', afterPayload: '"},"streamSid":"MZ1"}' };
    const frame = new MediaFrame(template, mulawText(70_001), key);
    for (const index of [0, 1, 4, 5, 8, 9, 49, 50, 99, 100, 999, 5000, 123_456]) {
      const text = textOf(frame.at([index + 3, index + 1, index * 20], index, index === 100));
      const { sequence, streamSid, media } = JSON.parse(text);
      expect([sequence, streamSid]).toEqual([String(index + 3), 'MZ1']);
      expect([media.chunk, media.timestamp]).toEqual([index + 1, String(index * 20)]);
      const audio = Buffer.from(media.payload, 'base64');
      expect(audio.length).toBe(blockBytes);
      expect(readStamp(audio, 0)).toEqual({ id: 70_001, sequence: index });
    }
  });

  it('carry linear samples, wherever their text falls in the mask', () => {
    for (const before of ['{"audio":"', '{ "audio":"', '{  "audio":"', '{   "audio":"']) {
      const frame = new MediaFrame(
        { numbers: [], beforePayload: before, afterPayload: '"}' },
        slin8Text(70_001),
        key,
      );
      for (const sequence of [0, 1, 2, 255, 65_535]) {
        const audio = Buffer.from(JSON.parse(textOf(frame.at([], sequence, sequence === 2))).audio, 'base64');
        const expected = Buffer.alloc(slin8.blockBytes);
        slin8.writeBlock(expected, 0, 70_001, sequence);
        expect(audio.equals(expected)).toBe(true);
      }
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
