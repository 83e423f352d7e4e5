import { beforeEach, describe, expect, it } from 'vitest';
import { agentTurn, chunk, VirtualSession, written } from '../../../test/support/genesys-session.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { VirtualClock } from '../../base/virtual-clock.ts';
import { emptyRecord, type TestHost } from '../testing/test-host.ts';
import {
  conversationId,
  type FakeSocket,
  mono,
  nobody,
  openOf,
  probe,
  sessionId,
} from './testing/fake-socket.ts';

let session: VirtualSession;
let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;

beforeEach(() => {
  session = new VirtualSession();
  ({ clock, host, socket } = session);
});

describe('opening a session', () => {
  it('is answered at once, the media word for word, and makes a call', async () => {
    const offer = { ...mono, unknown: { kept: true } };
    await session.live({
      media: [{ ...mono, format: 'L16' }, offer],
      inputVariables: { OPENAI_VOICE: 'cedar' },
    });
    expect(socket.received).toEqual([
      {
        version: '2',
        type: 'opened',
        seq: 1,
        clientseq: 1,
        id: sessionId,
        parameters: { startPaused: false, media: [offer] },
      },
    ]);
    expect(session.call.log).toEqual(['answered', 'connected']);
    expect(session.call.leg).toMatchObject({
      carrier: 'genesys',
      carrierCallId: conversationId,
      party: {
        direction: 'inbound',
        from: '+15550001111',
        to: '+15550002222',
        variables: { OPENAI_VOICE: 'cedar', aniName: 'ACME' },
      },
      playback: {
        buffering: 'queued',
        acknowledges: 'events',
        markEveryMs: 0,
        continuousMedia: false,
        delivery: { leadMs: 60_000, minChunkMs: 250, maxChunkMs: 8000, everyMs: 200 },
      },
    });
    expect(session.call.overrides).toMatchObject({ voice: 'cedar', language: 'en-US' });
    expect(session.call.tools.map(({ name }) => name)).toContain('end_call');
  });

  it('tells the languages only when it is asked', async () => {
    await session.live({ supportedLanguages: true });
    expect(socket.last('opened')?.parameters.supportedLanguages).toEqual(['en-US']);
  });

  it('004 probe: is answered without media and makes no call', async () => {
    socket.says('open', probe);
    socket.sends(1600);
    socket.says('ping');
    await written();
    expect(socket.last('opened')?.parameters).toEqual({ startPaused: false, media: [] });
    expect(socket.last('pong')?.clientseq).toBe(2);
    socket.says('close', { reason: 'end' });
    await written();
    socket.emit('close', 1000);
    expect(socket.log).toEqual(['opened', 'pong', 'closed']);
    expect(host.calls).toHaveLength(0);
    expect(host.refusals).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('for a probe that stays is over after half a minute', async () => {
    socket.says('open', probe);
    clock.advance(30_000);
    await written();
    expect(socket.last('disconnect')?.parameters).toEqual({ reason: 'completed' });
    clock.advance(5_000);
    expect(socket.closeCode).toBe(1000);
    clock.advance(3_000);
    expect(socket.terminated).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is no probe where only one of the ids is empty', async () => {
    await session.live({ participant: { id: nobody } });
    expect(host.calls).toHaveLength(1);
  });

  it('takes the caller out of two channels', async () => {
    const heard = await session.live({ media: [{ ...mono, channels: ['internal', 'external'] }] });
    socket.emit('message', Buffer.from([9, 1, 9, 2]), true);
    expect(heard.audio[0]?.chunk.bytes()).toEqual(Buffer.from([1, 2]));
  });

  it.each([
    [
      'no supported media',
      { media: [{ ...mono, rate: 16_000 }] },
      'error',
      'No supported format found',
      'PATCHCORD_AUDIO_FORMAT',
    ],
    [
      "the agent's channel alone",
      { media: [{ ...mono, channels: ['internal'] }] },
      'error',
      'No supported format found',
      'PATCHCORD_AUDIO_FORMAT',
    ],
    ['no media at all', { media: [] }, 'error', 'No supported format found', 'PATCHCORD_AUDIO_FORMAT'],
    [
      'another organization',
      { organizationId: nobody },
      'unauthorized',
      'Invalid organization specified.',
      'PATCHCORD_CALL_MISMATCH',
    ],
  ])('is refused for %s', async (_what, changes, reason, info, code) => {
    socket.says('open', openOf(changes));
    await written();
    expect(socket.log).toEqual(['disconnect']);
    expect(socket.last('disconnect')?.parameters).toEqual({ reason, info });
    expect(host.codes).toEqual([code]);
    expect(host.calls).toHaveLength(0);
    socket.says('close', { reason: 'disconnect' });
    await written();
    expect(socket.log).toEqual(['disconnect', 'closed']);
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  it('is refused with a word about it when no call can be taken', async () => {
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    socket.says('open', openOf());
    await written();
    expect(socket.last('disconnect')?.parameters).toMatchObject({ reason: 'error' });
    expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
  });

  it('goes no further when the call gives up in the same breath', async () => {
    host.onAnswered = (leg) => void leg.hangUp('model-failed', emptyRecord).catch(() => expect.unreachable());
    await session.live();
    expect(session.call.log).toEqual(['answered']);
    expect(socket.log).toEqual(['opened', 'disconnect']);
  });

  it('is not answered when the call ends while it is made', async () => {
    const accept = host.accept.bind(host);
    host.accept = (leg, extras) => {
      const accepted = accept(leg, extras);
      void leg.hangUp('drain', emptyRecord).catch(() => expect.unreachable());
      return accepted;
    };
    await session.live();
    expect(socket.log).toEqual(['disconnect']);
    socket.says('close', { reason: 'disconnect' });
    await written();
    expect(session.call.log).toEqual(['ended hung-up']);
  });

  it('must happen within ten seconds', () => {
    clock.advance(10_000);
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });
});

describe('the numbers on messages', () => {
  it.each([
    ['a number left out', { seq: 3 }, 'Invalid client sequence number.'],
    ['a number that comes again', { seq: 1 }, 'Invalid client sequence number.'],
    ['no number', { seq: undefined }, 'Invalid client sequence number.'],
    ['an answer to what was never said', { serverseq: 2 }, 'Invalid server sequence number.'],
    ['another session', { id: nobody }, 'Invalid ID specified.'],
    ['no session', { id: undefined }, 'Invalid ID specified.'],
  ])('end the session where there is %s', async (_what, changes, info) => {
    const heard = await session.live();
    socket.says('ping', {}, changes);
    await written();
    expect(socket.last('disconnect')?.parameters).toEqual({ reason: 'error', info });
    expect(socket.count('pong')).toBe(0);
    const code = info.includes('ID') ? 'PATCHCORD_CALL_MISMATCH' : 'PATCHCORD_MESSAGE_ORDER';
    expect(host.codes).toEqual([code]);
    expect(heard.ends).toMatchObject([{ reason: 'protocol-error', error: { code, message: info } }]);
    socket.says('close', { reason: 'disconnect' });
    await written();
    expect(socket.log.at(-1)).toBe('closed');
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  it('are checked on the very first message', async () => {
    socket.says('open', openOf(), { seq: 2 });
    await written();
    expect(socket.last('disconnect')?.parameters.info).toBe('Invalid client sequence number.');
    clock.advance(5_000);
    expect(socket.closeCode).toBe(1008);
  });

  it('may be of messages that nobody could read', async () => {
    await session.live();
    socket.text('nonsense');
    socket.seq += 1;
    socket.text('more');
    socket.says('ping');
    await written();
    expect(socket.last('pong')?.clientseq).toBe(3);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_MALFORMED', 'PATCHCORD_MESSAGE_MALFORMED']);
    expect(socket.closeCode).toBeUndefined();
  });

  it('rise by one, whatever overtakes what', async () => {
    const { leg } = await session.live();
    for (let n = 0; n < 40; n++) leg.turnEnded?.(agentTurn(n, `turn ${n}`));
    socket.says('ping');
    leg.clear();
    clock.advance(10_000);
    await written();
    // The fake peer throws at a gap.
    expect(socket.received.map(({ seq }) => seq)).toEqual(socket.received.map((_, index) => index + 1));
    expect(socket.count('event')).toBe(41);
  });
});

describe('a live session', () => {
  it('brings audio at its place in the stream, with what was left out', async () => {
    const heard = await session.live();
    socket.sends(1600);
    socket.sends(800);
    socket.says('paused');
    socket.says('resumed', { start: 'PT0.3S', discarded: 'PT2S' });
    socket.sends(1600);
    socket.says('discarded', { start: 'PT2.5S', discarded: 'PT0.5S' });
    socket.sends(160);
    socket.says('discarded', { start: 'PT0S', discarded: 'PT0.1S' });
    socket.sends(160);
    expect(heard.audio.map(({ timestampMs }) => timestampMs)).toEqual([0, 200, 2300, 3000, 3020]);
    expect(heard.audio[0]?.chunk.byteLength).toBe(1600);
    expect(heard.log.filter((line) => line.endsWith('hold'))).toEqual(['on hold', 'off hold']);
  });

  it('loses no second gap where positions count only what was sent', async () => {
    const heard = await session.live();
    socket.says('discarded', { start: 'PT0S', discarded: 'PT0.5S' });
    socket.sends(4800);
    socket.says('discarded', { start: 'PT0.6S', discarded: 'PT0.5S' });
    socket.sends(4800);
    expect(heard.audio.map(({ timestampMs }) => timestampMs)).toEqual([500, 1600]);
  });

  it('answers pings and updates, and passes over what it does not know', async () => {
    const heard = await session.live();
    socket.says('ping');
    socket.says('ping', { rtt: 'PT0.08S' });
    socket.says('update', { language: 'es-ES' });
    socket.says('weather', { sky: 'blue' });
    await written();
    expect(socket.log).toEqual(['opened', 'pong', 'pong', 'updated']);
    expect(socket.received.map(({ clientseq }) => clientseq)).toEqual([1, 2, 3, 4]);
    expect(host.refusals).toEqual([]);
    expect(heard.log).toEqual(['answered', 'connected']);
  });

  it('brings keys, and what became of our audio with the round trip that Genesys measured', async () => {
    const heard = await session.live();
    const rounds: (number | undefined)[] = [];
    const { leg } = heard;
    socket.says('dtmf', { digit: '5' });
    socket.says('dtmf', { digit: '#' });
    socket.says('playback_started');
    socket.says('ping', { rtt: 'PT0.08S' });
    socket.says('playback_completed');
    leg.attach({
      answered: () => undefined,
      connected: () => undefined,
      audio: () => undefined,
      digit: () => undefined,
      played: (played) => played.type === 'started' && rounds.push(played.roundTripMs),
      ended: () => undefined,
    });
    socket.says('playback_started');
    expect(heard.log).toEqual(['answered', 'connected', 'digit 5', 'digit #', 'started', 'completed']);
    expect(rounds).toEqual([80]);
  });

  it('carries audio as it is given, and a barge-in at once, after what was written before it', async () => {
    const { leg } = await session.live();
    leg.play(chunk(1600));
    leg.clear();
    expect(socket.log).toEqual(['opened', 'audio', 'event']);
    expect(socket.last('event')?.parameters).toEqual({ entities: [{ type: 'barge_in', data: {} }] });
    expect(socket.audio[0]).toEqual(Buffer.alloc(1600, 7));
  });

  it('tells of the turns of the agent, no faster than it may', async () => {
    const { leg } = await session.live();
    leg.turnEnded?.(agentTurn(1, 'Hello.'));
    await written();
    expect(socket.last('event')?.parameters).toEqual({
      entities: [
        { type: 'bot_turn_response', data: { disposition: 'match', text: 'Hello.', confidence: 1 } },
      ],
    });
    for (let n = 2; n < 60; n++) leg.turnEnded?.(agentTurn(n, `turn ${n}`));
    await written();
    expect(socket.count('event')).toBeLessThanOrEqual(20);
    clock.advance(10_000);
    await written();
    expect(socket.count('event')).toBe(59);
  });

  it('is over when too many reports wait, but not within the call that gave the last', async () => {
    const { leg, ends } = await session.live();
    for (let n = 0; n < 1100; n++) leg.turnEnded?.(agentTurn(n, 'x'));
    expect(ends).toEqual([]);
    clock.advance(0);
    expect(ends).toMatchObject([{ reason: 'failed', error: { code: 'PATCHCORD_CARRIER_LIMIT' } }]);
  });

  it('is over when a second open comes', async () => {
    const heard = await session.live();
    socket.says('open', openOf());
    await written();
    expect(socket.log).toEqual(['opened', 'disconnect']);
    expect(heard.ends[0]?.error?.code).toBe('PATCHCORD_MESSAGE_ORDER');
    expect(host.calls).toHaveLength(1);
  });

  it('is lost when one that pings falls silent, and not when one that never did pauses', async () => {
    const heard = await session.live();
    clock.advance(300_000);
    expect(heard.ends).toEqual([]);
    socket.says('ping');
    clock.advance(29_000);
    socket.sends(160);
    clock.advance(29_999);
    expect(heard.ends).toEqual([]);
    clock.advance(1);
    expect(heard.ends).toEqual([{ reason: 'connection-lost' }]);
    socket.emit('close', 1006);
    expect(clock.pending).toBe(0);
  });

  it('ends as lost when its socket goes without a word', async () => {
    const heard = await session.live();
    heard.leg.play(chunk(1600));
    socket.says('ping');
    socket.emit('close', 1006);
    expect(heard.ends).toEqual([{ reason: 'connection-lost' }]);
    heard.leg.play(chunk(1600));
    heard.leg.clear();
    heard.leg.turnEnded?.(agentTurn(1, 'late'));
    await heard.leg.hangUp('agent', emptyRecord);
    expect(heard.ends).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
  });
});
