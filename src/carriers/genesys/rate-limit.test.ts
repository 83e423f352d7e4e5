import { beforeEach, describe, expect, it, vi } from 'vitest';
import { agentTurn, chunk, VirtualSession, written } from '../../../test/support/genesys-session.ts';
import type { VirtualClock } from '../../base/virtual-clock.ts';
import { emptyRecord, type TestHost } from '../testing/test-host.ts';
import { type FakeSocket, sessionId } from './testing/fake-socket.ts';

let session: VirtualSession;
let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;

beforeEach(() => {
  session = new VirtualSession();
  ({ clock, host, socket } = session);
});

const limited = (parameters: object = {}): void =>
  socket.says('error', { code: 429, message: 'Rate limit', ...parameters });

describe('when Genesys is sent too much', () => {
  it('the engine gives no audio and reports wait as long as it says, and control messages do not', async () => {
    const { leg, log } = await session.live();
    leg.play(chunk(1600, 1));
    limited({ retryAfter: 'PT5S' });
    leg.turnEnded?.(agentTurn(1, 'Hello.'));
    socket.says('ping');
    await written();
    expect(socket.log).toEqual(['opened', 'audio', 'pong']);
    expect(log).toEqual(['answered', 'connected', 'takes no audio']);
    clock.advance(4_999);
    await written();
    expect(socket.log).toEqual(['opened', 'audio', 'pong']);
    expect(log.at(-1)).toBe('takes no audio');
    clock.advance(1);
    await written();
    expect(socket.log).toEqual(['opened', 'audio', 'pong', 'event']);
    expect(log.at(-1)).toBe('takes audio again');
    expect(host.codes).toEqual(['PATCHCORD_CARRIER_LIMIT']);
    leg.play(chunk(160));
    await written();
    expect(socket.log.at(-1)).toBe('audio');
  });

  it('audio that was given in good time is written before the reports that waited', async () => {
    const { leg, log } = await session.live();
    host.onFlow = (open) => {
      if (open) leg.play(chunk(160));
    };
    limited();
    leg.turnEnded?.(agentTurn(1, 'Hello.'));
    clock.advance(3_000);
    await written();
    expect(log.at(-1)).toBe('takes audio again');
    expect(socket.log).toEqual(['opened', 'audio', 'event']);
  });

  it('three, nine and twenty-seven seconds are waited, and at the fourth time the session ends', async () => {
    const heard = await session.live();
    for (const seconds of [3, 9, 27]) {
      limited();
      clock.advance(seconds * 1000 - 1);
      expect(heard.log.at(-1)).toBe('takes no audio');
      clock.advance(1);
      expect(heard.log.at(-1)).toBe('takes audio again');
    }
    limited();
    await written();
    expect(socket.last('disconnect')?.parameters).toEqual({
      reason: 'error',
      info: 'Rate limit max retries exceeded',
    });
    expect(heard.ends).toMatchObject([{ reason: 'failed', error: { code: 'PATCHCORD_CARRIER_LIMIT' } }]);
    clock.advance(60_000);
    expect(heard.log.at(-1)).toBe('ended failed');
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  it('a second complaint makes the wait longer, and is not told twice', async () => {
    const { log } = await session.live();
    limited({ retryAfter: 'PT5S' });
    clock.advance(2_000);
    limited({ retryAfter: 'PT5S' });
    clock.advance(4_999);
    expect(log.slice(2)).toEqual(['takes no audio']);
    clock.advance(1);
    expect(log.slice(2)).toEqual(['takes no audio', 'takes audio again']);
  });

  it('a barge-in is told at once', async () => {
    const { leg } = await session.live();
    leg.play(chunk(1600));
    limited();
    leg.clear();
    expect(socket.log).toEqual(['opened', 'audio', 'event']);
    expect(socket.last('event')?.parameters).toEqual({ entities: [{ type: 'barge_in', data: {} }] });
  });

  it('a session that ends meanwhile tells the flow its outputs at once, and drops the reports that wait', async () => {
    const { leg } = await session.live();
    limited({ retryAfter: 'PT2S' });
    leg.turnEnded?.(agentTurn(1, 'Hello.'));
    leg.turnEnded?.(agentTurn(2, 'Goodbye.'));
    const told = vi.spyOn(host.log, 'info');
    const done = leg.hangUp('agent', emptyRecord);
    expect(told.mock.calls.map(([fields]) => fields)).toContainEqual({ sessionId, reports: 2 });
    told.mockRestore();
    clock.advance(4_999);
    await written();
    expect(socket.log).toEqual(['opened', 'disconnect']);
    expect(socket.last('disconnect')?.parameters).toMatchObject({ reason: 'completed' });
    socket.says('ping');
    socket.says('close', { reason: 'disconnect' });
    await done;
    clock.advance(60_000);
    await written();
    expect(socket.log).toEqual(['opened', 'disconnect', 'pong', 'closed']);
  });

  it('a session that ends because of it sends no report behind its disconnect', async () => {
    const { leg } = await session.live();
    for (const seconds of [3, 9, 27]) {
      limited();
      clock.advance(seconds * 1000);
    }
    for (let n = 0; n < 30; n++) leg.turnEnded?.(agentTurn(n, `turn ${n}`));
    const sent = socket.count('event');
    limited();
    clock.advance(4_000);
    await written();
    expect(sent).toBeLessThan(30);
    expect(socket.count('event')).toBe(sent);
    expect(socket.log.at(-1)).toBe('disconnect');
  });

  it('a complaint about what leaves behind disconnect is the end of it', async () => {
    const { leg } = await session.live();
    for (let n = 0; n < 30; n++) leg.turnEnded?.(agentTurn(n, `turn ${n}`));
    const done = leg.hangUp('agent', emptyRecord);
    const sent = socket.count('event');
    limited();
    clock.advance(4_000);
    await written();
    expect(socket.count('event')).toBe(sent);
    socket.says('close', { reason: 'disconnect' });
    await done;
  });

  it('Genesys is believed that it has played what it got', async () => {
    const heard = await session.live();
    heard.leg.play(chunk(1600));
    limited();
    socket.says('playback_completed');
    expect(heard.log.at(-1)).toBe('completed');
  });
});
