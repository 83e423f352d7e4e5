import { beforeEach, describe, expect, it } from 'vitest';
import { agentTurn, chunk, VirtualSession, written } from '../../../test/support/genesys-session.ts';
import type { VirtualClock } from '../../base/virtual-clock.ts';
import { emptyRecord, type TestHost } from '../testing/test-host.ts';
import { conversationId, type FakeSocket } from './testing/fake-socket.ts';

let session: VirtualSession;
let clock: VirtualClock;
let host: TestHost;
let socket: FakeSocket;

beforeEach(() => {
  session = new VirtualSession();
  ({ clock, host, socket } = session);
});

describe('what is not as it should be', () => {
  it('is forgiven ten times in a minute', async () => {
    const heard = await session.live();
    for (let n = 0; n < 10; n++) socket.text(n % 2 ? 'nonsense' : '{"type":7}');
    socket.sends(160);
    expect(heard.audio).toHaveLength(1);
    expect(socket.closeCode).toBeUndefined();
    socket.text('{');
    expect(socket.closeCode).toBe(1007);
    expect(heard.ends[0]?.error?.code).toBe('PATCHCORD_MESSAGE_MALFORMED');
  });

  it('is forgiven in single fields, which have a number like others', async () => {
    await session.live();
    socket.says('dtmf', { digit: 'twelve' });
    socket.says('discarded', { start: 'now' });
    socket.says('ping');
    await written();
    expect(socket.last('pong')?.clientseq).toBe(4);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_MALFORMED', 'PATCHCORD_MESSAGE_MALFORMED']);
  });

  it('is not forgiven before open', () => {
    socket.text('nonsense');
    expect(socket.closeCode).toBe(1007);
    expect(host.calls).toHaveLength(0);
  });

  it.each(['dtmf', 'update', 'paused', 'playback_started'])('is %s before open', async (type) => {
    socket.says(type, { digit: '1' });
    await written();
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it('is audio before open', async () => {
    socket.sends(1600);
    await written();
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it('is no error of Genesys, which warns nobody', async () => {
    const heard = await session.live();
    socket.says('error', { code: 400, message: 'Bad media of +15550001111' });
    expect(host.codes).toEqual([]);
    expect(heard.ends).toEqual([]);
    socket.says('close', { reason: 'error' });
    expect(heard.ends).toEqual([{ reason: 'failed' }]);
  });
});

describe('the end', () => {
  it('by Genesys is answered at once; the call is over, and the socket is left to Genesys', async () => {
    const heard = await session.live();
    socket.says('close', { reason: 'end' });
    await written();
    expect(socket.last('closed')?.parameters).toEqual({});
    expect(heard.ends).toEqual([{ reason: 'hung-up' }]);
    heard.leg.play(chunk(160));
    heard.leg.turnEnded?.(agentTurn(1, 'late'));
    socket.sends(160);
    socket.says('ping');
    await written();
    expect(socket.log).toEqual(['opened', 'closed']);
    expect(socket.closeCode).toBeUndefined();
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
    expect(host.refusals).toEqual([]);
  });

  it('is cut off where Genesys does not close the socket', async () => {
    await session.live();
    socket.says('close', { reason: 'end' });
    clock.advance(5_000);
    expect(socket.closeCode).toBe(1000);
    clock.advance(3_000);
    expect(socket.terminated).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('by us tells the flow how it went, waits for close, and comes once', async () => {
    const heard = await session.live();
    let settled = false;
    const done = heard.leg.hangUp('no-input', { ...emptyRecord, liveMs: 12_000 });
    done.then(
      () => {
        settled = true;
      },
      () => expect.unreachable(),
    );
    expect(heard.leg.hangUp('operator', emptyRecord)).toBe(done);
    await written();
    expect(socket.count('disconnect')).toBe(1);
    expect(socket.last('disconnect')?.parameters).toMatchObject({
      reason: 'completed',
      info: 'Session ended: inactivity',
      outputVariables: { CONVERSATION_DURATION: '12.000', ESCALATION_REQUIRED: 'false' },
    });
    socket.sends(160);
    socket.says('dtmf', { digit: '1' });
    socket.says('ping');
    await written();
    expect(socket.last('pong')).toBeDefined();
    expect(settled).toBe(false);
    socket.says('close', { reason: 'disconnect' });
    await done;
    await written();
    expect(socket.log.at(-1)).toBe('closed');
    expect(heard.log).toEqual(['answered', 'connected', 'ended hung-up']);
    expect(socket.closeCode).toBeUndefined();
    socket.emit('close', 1000);
    expect(clock.pending).toBe(0);
  });

  it('by us has what the agent said of it', async () => {
    const heard = await session.live();
    const tool = heard.tools.find(({ name }) => name === 'end_conversation_with_escalation');
    await tool?.run(
      { reason: 'They ask for a person.' },
      {
        callId: 'call-1',
        carrierCallId: conversationId,
        party: heard.leg.party,
        toolCallId: 't',
        spoken: true,
        signal: new AbortController().signal,
        endCall: () => undefined,
      },
    );
    const done = heard.leg.hangUp('agent', emptyRecord);
    await written();
    expect(socket.last('disconnect')?.parameters).toMatchObject({
      reason: 'completed',
      outputVariables: { ESCALATION_REQUIRED: 'true', ESCALATION_REASON: 'They ask for a person.' },
    });
    socket.says('close', { reason: 'disconnect' });
    await done;
  });

  it('by us does not wait for ever', async () => {
    const heard = await session.live();
    const done = heard.leg.hangUp('agent', emptyRecord);
    clock.advance(5_000);
    expect(socket.closeCode).toBe(1000);
    clock.advance(3_000);
    expect(socket.terminated).toBe(true);
    socket.emit('close', 1006);
    await done;
    expect(heard.log.at(-1)).toBe('ended hung-up');
    expect(clock.pending).toBe(0);
  });

  it('by us is there as well when the socket goes before the answer', async () => {
    const heard = await session.live();
    const done = heard.leg.hangUp('agent', emptyRecord);
    socket.emit('close', 1006);
    await done;
    expect(heard.log).toEqual(['answered', 'connected', 'ended hung-up']);
    expect(clock.pending).toBe(0);
  });

  it('does not swallow reports that still wait', async () => {
    const { leg } = await session.live();
    for (let n = 0; n < 30; n++) leg.turnEnded?.(agentTurn(n, `turn ${n}`));
    const done = leg.hangUp('agent', emptyRecord);
    clock.advance(4_000);
    await written();
    expect(socket.count('event')).toBe(30);
    socket.says('close', { reason: 'disconnect' });
    await done;
  });

  it('before open is a close like any other', async () => {
    socket.says('close', { reason: 'error' });
    await written();
    expect(socket.log).toEqual(['closed']);
    clock.advance(5_000);
    expect(socket.closeCode).toBe(1000);
    expect(host.codes).toEqual([]);
  });
});
