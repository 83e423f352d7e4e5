import { beforeEach, describe, expect, it } from 'vitest';
import { agentTurn, chunk, VirtualSession, written } from '../../../test/support/genesys-session.ts';
import type { VirtualClock } from '../../base/virtual-clock.ts';
import type { TestHost } from '../testing/test-host.ts';
import type { FakeSocket } from './testing/fake-socket.ts';

let session: VirtualSession;
let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;

beforeEach(() => {
  session = new VirtualSession();
  ({ clock, host, socket } = session);
});

describe('when Genesys is sent too much', () => {
  const limited = (parameters: object = {}): void =>
    socket.says('error', { code: 429, message: 'Rate limit', ...parameters });

  it('audio and reports wait as long as it says, and control messages do not', async () => {
    const { leg } = await session.live();
    leg.play(chunk(1600, 1));
    limited({ retryAfter: 'PT5S' });
    leg.play(chunk(1600, 2));
    leg.turnEnded?.(agentTurn(1, 'Hello.'));
    leg.play(chunk(1600, 3));
    socket.says('ping');
    await written();
    expect(socket.log).toEqual(['opened', 'audio', 'pong']);
    clock.advance(4_999);
    await written();
    expect(socket.log).toEqual(['opened', 'audio', 'pong']);
    clock.advance(1);
    await written();
    expect(socket.log).toEqual(['opened', 'audio', 'pong', 'audio', 'event']);
    expect(socket.audio[1]).toEqual(Buffer.concat([Buffer.alloc(1600, 2), Buffer.alloc(1600, 3)]));
    expect(host.codes).toEqual(['PATCHCORD_CARRIER_LIMIT']);
    leg.play(chunk(160));
    clock.advance(200);
    await written();
    expect(socket.log.at(-1)).toBe('audio');
  });

  it('nothing of three minutes of speech is lost', async () => {
    const { leg, ends } = await session.live();
    limited({ retryAfter: 'PT100S' });
    for (let n = 0; n < 900; n++) leg.play(chunk(1600, n % 251));
    clock.advance(120_000);
    await written();
    expect(Buffer.concat(socket.audio)).toHaveLength(900 * 1600);
    expect(socket.audio.length).toBeLessThan(30);
    expect(ends).toEqual([]);
  });

  it('three, nine and twenty-seven seconds are waited, and at the fourth time the session ends', async () => {
    const heard = await session.live();
    for (const seconds of [3, 9, 27]) {
      limited();
      heard.leg.play(chunk(160));
      const before = socket.audio.length;
      clock.advance(seconds * 1000 - 1);
      await written();
      expect(socket.audio).toHaveLength(before);
      clock.advance(1000);
      await written();
      expect(socket.audio).toHaveLength(before + 1);
    }
    limited();
    await written();
    expect(socket.last('disconnect')?.parameters).toEqual({
      reason: 'error',
      info: 'Rate limit max retries exceeded',
    });
    expect(heard.ends).toMatchObject([{ reason: 'failed', error: { code: 'PATCHCORD_CARRIER_LIMIT' } }]);
    clock.advance(60_000);
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  it('a barge-in forgets what is held', async () => {
    const { leg } = await session.live();
    limited();
    leg.play(chunk(1600));
    leg.clear();
    expect(socket.log).toEqual(['opened', 'event']);
    clock.advance(10_000);
    await written();
    expect(socket.audio).toEqual([]);
  });

  it('what is held is not said to have been played', async () => {
    const heard = await session.live();
    heard.leg.play(chunk(1600));
    limited();
    heard.leg.play(chunk(1600));
    socket.says('playback_completed');
    expect(heard.log).not.toContain('completed');
    clock.advance(5_000);
    socket.says('playback_completed');
    expect(heard.log).toContain('completed');
  });
});
