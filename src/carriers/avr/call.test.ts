import { beforeEach, describe, expect, it } from 'vitest';
import { pcm16At } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { FakeSession } from '../../call/testing/fake-model.ts';
import { CallHost } from '../testing/call-host.ts';
import { FakeSocket } from '../testing/fake-socket.ts';
import type { AmiHelper } from './ami.ts';
import { AvrCalls } from './calls.ts';
import { AvrSocket } from './socket.ts';

let clock: VirtualClock;
let host: CallHost;
let socket: FakeSocket;
let asked: string[];
let session: FakeSession;

beforeEach(async () => {
  clock = new VirtualClock();
  host = new CallHost(clock, pcm16At(24_000));
  socket = new FakeSocket();
  asked = [];
  const ami = {
    async hangUp() {
      asked.push('hangup');
    },
    async transfer(_uuid: string, { exten }: { exten: string }) {
      asked.push(`transfer ${exten}`);
    },
  };
  const calls = new AvrCalls(host, ami as unknown as AmiHelper);
  new AvrSocket(socket.webSocket, socket.connection, {
    clock,
    take: ({ uuid }, media, early) =>
      calls.take({ uuid, party: { direction: 'inbound', variables: {} }, media, early }),
    refused: (error, fields) => host.refused('avr', error, fields),
    debug: () => undefined,
  });
  socket.says({ type: 'init', uuid: 'u1' });
  socket.says(silence);
  await clock.advanceAsync(0);
  session = host.model.session;
  session.events.ready();
});

const silence = { type: 'audio', audio: Buffer.alloc(320).toString('base64') };
const item = { responseId: 'resp-1', itemId: 'item-1', contentIndex: 0 };

async function passes(ms: number): Promise<void> {
  await clock.advanceAsync(ms);
  await new Promise((resolve) => process.nextTick(resolve));
}

const sent = (type: string) => socket.messages.filter((message) => message.type === type);
const frames = (): Buffer[] => sent('audio').map(({ audio }) => Buffer.from(String(audio), 'base64'));

/** The agent speaks: 16 bit at 24 kHz of one value. */
function speaks(ms: number, responseId = 'resp-1', text = 'One two three four.'): void {
  const part = { ...item, responseId, itemId: `item of ${responseId}` };
  session.events.responseStarted(responseId, undefined);
  session.events.agentText(part, text);
  session.speak(part, ms);
  session.events.audioDone(part);
  session.events.responseDone({ responseId, status: 'completed' });
}

describe('a call of avr-core', () => {
  it('000 audio out: 320 raw bytes per message, the last filled up with silence', async () => {
    speaks(50);
    await passes(100);
    expect(frames().map(({ length }) => length)).toEqual([320, 320, 320]);
    expect(frames()[2]?.subarray(200)).toEqual(Buffer.alloc(120));
    expect(frames()[2]?.subarray(0, 100)).not.toEqual(Buffer.alloc(100));
  });

  it('000 audio out: at most ten seconds ahead of the ear', async () => {
    speaks(30_000);
    await passes(0);
    const first = frames().length * 20;
    expect(first).toBeGreaterThan(9000);
    expect(first).toBeLessThanOrEqual(11_000);
    await passes(30_000);
    expect(frames()).toHaveLength(1500);
  });

  it('000 audio in: goes to the model at its rate, from the first frame on', async () => {
    socket.says(silence);
    await passes(0);
    expect(session.appendedMs).toBeGreaterThan(30);
    expect(session.appendedMs).toBeLessThanOrEqual(40);
  });

  it('000 interruption: only when speech is pending, and the model knows what was heard', async () => {
    session.events.speechStarted('user-1');
    session.events.speechStopped('user-1');
    expect(sent('interruption')).toEqual([]);
    speaks(4000);
    await passes(1500);
    session.events.speechStarted('user-2');
    expect(sent('interruption')).toEqual([{ type: 'interruption' }]);
    expect(session.interruptions.at(-1)?.items).toMatchObject([{ heardMs: 1500 }]);
    const before = frames().length;
    session.speak({ ...item, itemId: 'item of resp-1' }, 1000);
    await passes(1000);
    expect(frames()).toHaveLength(before);
  });

  it('000 transcript: both roles, in order, the agent as far as it was heard', async () => {
    session.events.callerText('user-1', 'Hello?', true);
    speaks(1000, 'resp-1', 'Good day.');
    await passes(1200);
    session.events.speechStarted('user-2');
    session.events.speechStopped('user-2');
    session.events.callerText('user-2', 'Who is there?', true);
    speaks(4000, 'resp-2', 'One two three four five six seven eight.');
    await passes(2000);
    session.events.speechStarted('user-3');
    await passes(0);
    expect(sent('transcript')).toEqual([
      { type: 'transcript', role: 'user', text: 'Hello?' },
      { type: 'transcript', role: 'agent', text: 'Good day.' },
      { type: 'transcript', role: 'user', text: 'Who is there?' },
      { type: 'transcript', role: 'agent', text: expect.stringMatching(/^One two three( four)?$/) },
    ]);
  });

  it('000 dtmf_digit: reaches the model as what the caller did', async () => {
    socket.says({ type: 'dtmf_digit', digit: '4' });
    socket.says({ type: 'dtmf_digit', digit: '2' });
    socket.says({ type: 'dtmf_digit', digit: 'wrong' });
    await passes(1000);
    expect(session.texts).toEqual([{ role: 'caller', text: expect.stringContaining('4 2') }]);
    expect(session.requests).toHaveLength(1);
  });

  it('000 reset: the agent falls silent and the model forgets', async () => {
    session.restart = () => session.events.resuming(undefined);
    session.events.callerText('user-1', 'I am Ada.', true);
    speaks(4000);
    await passes(500);
    socket.says({ type: 'reset' });
    expect(sent('interruption')).toHaveLength(1);
    expect(session.options.history()).toEqual([]);
  });

  it('000 avr_hangup: the call ends after the goodbye was heard, at Asterisk first', async () => {
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 2000);
    session.events.audioDone(item);
    session.events.toolCall({ responseId: 'resp-1', toolCallId: 't1', name: 'avr_hangup', arguments: '{}' });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await passes(1900);
    expect(session.results).toMatchObject([{ toolCallId: 't1' }]);
    expect(asked).toEqual([]);
    await passes(500);
    expect(asked).toEqual(['hangup']);
    expect(socket.closeCode).toBe(1000);
  });

  it('000 avr_transfer: happens when the announcement was heard, and its result is one of the tool', async () => {
    session.events.responseStarted('resp-1', undefined);
    session.speak(item, 2000);
    session.events.audioDone(item);
    const args = '{"transfer_extension":"600"}';
    session.events.toolCall({
      responseId: 'resp-1',
      toolCallId: 't1',
      name: 'avr_transfer',
      arguments: args,
    });
    session.events.responseDone({ responseId: 'resp-1', status: 'completed' });
    await passes(1900);
    expect(asked).toEqual([]);
    await passes(500);
    expect(asked).toEqual(['transfer 600']);
    expect(session.results).toMatchObject([{ toolCallId: 't1', output: expect.stringContaining('result') }]);
    socket.emit('close', 1005);
    expect(host.call?.snapshot().state).toBe('ended');
    expect(clock.pending).toBe(0);
  });

  it('000 error: says that the model is lost, after an apology, and closes', async () => {
    session.events.failed(new PatchcordError('PATCHCORD_MODEL_AUTH'), true);
    await passes(1000);
    expect(frames()).toHaveLength(5);
    expect(sent('error')).toHaveLength(1);
    expect(socket.messages.at(-1)?.type).toBe('error');
    expect(socket.closeCode).toBe(1000);
  });
});
