import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualSession, written } from '../../../test/support/genesys-session.ts';
import { AudioChunk } from '../../audio/chunk.ts';
import { pcmu8k } from '../../audio/format.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { FakeSession } from '../../call/testing/fake-model.ts';
import { seeded } from '../../call/testing/seeded.ts';
import { CallHost } from '../testing/call-host.ts';
import { type FakeSocket, openOf } from './testing/fake-socket.ts';

let clock: VirtualClock;
let host: CallHost;
let socket: FakeSocket;
let model: FakeSession;

beforeEach(() => {
  clock = new VirtualClock();
  host = new CallHost(clock, pcmu8k);
  ({ socket } = new VirtualSession(clock, host));
  socket.says('open', openOf());
  model = host.model.session;
  model.events.ready();
});

/** Bytes that can be told apart. */
function speech(ms: number, seed: number): Buffer {
  const random = seeded(seed);
  return Buffer.from(Array.from({ length: ms * 8 }, () => Math.floor(random() * 250)));
}

/** A whole answer of the model, in ten pieces and all at once. */
function answers(
  id: string,
  audio: Buffer,
  text = 'One two three four five six seven eight nine ten.',
): void {
  const item = { responseId: id, itemId: `item of ${id}`, contentIndex: 0 };
  model.events.responseStarted(id, undefined);
  model.events.agentText(item, text);
  const deltaBytes = audio.length / 10;
  for (let at = 0; at < audio.length; at += deltaBytes)
    model.events.audio(item, AudioChunk.fromBytes(audio.subarray(at, at + deltaBytes)));
  model.events.audioDone(item);
  model.events.responseDone({ responseId: id, status: 'completed' });
}

const limited = (): void => socket.says('error', { code: 429, message: 'Rate limit', retryAfter: 'PT5S' });
const turns = () => host.call?.snapshot().turns.filter(({ role }) => role === 'agent') ?? [];

describe('an answer in whose middle Genesys was sent too much', () => {
  it('is heard to its end, whole and once', async () => {
    const audio = speech(4_000, 1);
    answers('r1', audio);
    socket.says('playback_started');
    clock.advance(100);
    limited();
    await written();
    expect(Buffer.concat(socket.audio)).toEqual(audio.subarray(0, 3_200));
    clock.advance(400);
    socket.says('playback_completed');
    clock.advance(4_599);
    await written();
    expect(socket.count('audio')).toBe(1);
    expect(turns()).toMatchObject([{ ended: false }]);
    clock.advance(1);
    await written();
    expect(socket.count('audio')).toBe(2);
    expect(Buffer.concat(socket.audio).equals(audio)).toBe(true);
    socket.says('playback_started');
    clock.advance(3_600);
    socket.says('playback_completed');
    expect(turns()).toMatchObject([{ ended: true, heardMs: 4_000, generatedMs: 4_000 }]);
    expect(turns()[0]).not.toHaveProperty('cut');
    clock.advance(60_000);
    await written();
    expect(socket.count('audio')).toBe(2);
  });

  it('counts as heard as far as it was sent, when the caller takes the floor meanwhile', async () => {
    answers('r1', speech(4_000, 1));
    socket.says('playback_started');
    clock.advance(100);
    limited();
    clock.advance(2_000);
    model.events.speechStarted('caller-1');
    expect(model.interruptions).toMatchObject([{ items: [{ itemId: 'item of r1', heardMs: 400 }] }]);
    await written();
    expect(turns()).toMatchObject([{ heardMs: 400, heardText: 'One', generatedMs: 4_000 }]);
    const next = speech(1_000, 2);
    model.events.speechStopped('caller-1');
    answers('r2', next);
    clock.advance(2_899);
    await written();
    expect(socket.count('audio')).toBe(1);
    clock.advance(1_000);
    await written();
    expect(Buffer.concat(socket.audio.slice(1)).equals(next)).toBe(true);
  });

  it('004 barge_in: is cut where it stands, when the caller takes the floor while it sounds', async () => {
    answers('r1', speech(4_000, 1));
    socket.says('playback_started');
    clock.advance(100);
    limited();
    clock.advance(150);
    model.events.speechStarted('caller-1');
    expect(socket.last('event')?.parameters).toEqual({ entities: [{ type: 'barge_in', data: {} }] });
    expect(model.interruptions).toMatchObject([{ items: [{ itemId: 'item of r1', heardMs: 250 }] }]);
    clock.advance(60_000);
    await written();
    expect(socket.count('audio')).toBe(1);
  });

  it('004 long answers: of three minutes of speech nothing is lost, and a minute of it lies at Genesys at most', async () => {
    const audio = speech(185_000, 4);
    answers('r1', audio);
    socket.says('playback_started');
    const aheadMs: number[] = [];
    while (clock.now() < 185_000) {
      clock.advance(100);
      await written();
      const sentMs = socket.audio.reduce((bytes, { length }) => bytes + length, 0) / 8;
      aheadMs.push(sentMs - clock.now());
    }
    expect(Buffer.concat(socket.audio).equals(audio)).toBe(true);
    expect(socket.audio.every(({ length }) => length <= 64_000)).toBe(true);
    expect(Math.max(...aheadMs)).toBeGreaterThan(50_000);
    expect(Math.max(...aheadMs)).toBeLessThanOrEqual(60_000);
    expect(Math.min(...aheadMs.slice(0, -1))).toBeGreaterThan(0);
    socket.says('playback_completed');
    expect(turns()).toMatchObject([{ ended: true, heardMs: 185_000, generatedMs: 185_000 }]);
    expect(host.events.filter(({ type }) => type === 'playout.underrun')).toEqual([]);
  });

  it('keeps the distance between messages that Genesys takes, before the wait and after it', async () => {
    const times: number[] = [];
    const at = (): number => socket.audio.length;
    let known = 0;
    const passes = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10);
        await written();
        while (known < at()) {
          known += 1;
          times.push(clock.now());
        }
      }
    };
    const audio = speech(30_000, 3);
    answers('r1', audio);
    await passes(100);
    limited();
    await passes(40_000);
    expect(Buffer.concat(socket.audio).equals(audio)).toBe(true);
    expect(socket.audio.every(({ length }) => length <= 64_000)).toBe(true);
    expect(times.length).toBeLessThan(8);
    for (const [index, time] of times.entries())
      if (index > 0) expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(200);
  });
});
