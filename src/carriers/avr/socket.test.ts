import { beforeEach, describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { PatchcordError } from '../../base/errors.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { TransferOutcome } from '../../call/leg.ts';
import type { Turn } from '../../call/turn.ts';
import type { CallOverrides } from '../carrier.ts';
import { FakeSocket } from '../testing/fake-socket.ts';
import { emptyRecord, type HeardCall, TestHost } from '../testing/test-host.ts';
import type { AmiHelper, Extension } from './ami.ts';
import { AvrCalls } from './calls.ts';
import type { AvrLeg } from './leg.ts';
import { AvrSocket } from './socket.ts';
import { avrToolNames } from './tools.ts';

/** The helper without HTTP, in virtual time. */
class InstantAmi {
  readonly requests: string[] = [];
  outcome: () => Promise<void> = async () => undefined;

  hangUp(uuid: string): Promise<void> {
    this.requests.push(`hangup ${uuid}`);
    return this.outcome();
  }

  transfer(uuid: string, { exten, context, priority }: Extension): Promise<void> {
    this.requests.push(`transfer ${uuid} ${exten} ${context} ${priority}`);
    return this.outcome();
  }

  async variables() {
    await this.outcome();
    return { phone: '2000', name: undefined };
  }
}

let clock: VirtualClock;
let host: TestHost;
let ami: InstantAmi;
let socket: FakeSocket;

function connect(): void {
  socket = new FakeSocket();
  const calls = new AvrCalls(host, ami as unknown as AmiHelper);
  const party = { direction: 'inbound', variables: {} } as const;
  new AvrSocket(socket.webSocket, socket.connection, {
    clock,
    take: ({ uuid }, media, early) => calls.take({ uuid, party, media, early }),
    refused: (error, fields) => host.refused('avr', error, fields),
    debug: () => undefined,
  });
}

const init = { type: 'init', uuid: 'u1' };
const pcm = (value: number, bytes = 320): Buffer => Buffer.alloc(bytes, value);
const audio = (value: number, bytes = 320) => ({
  type: 'audio',
  audio: pcm(value, bytes).toString('base64'),
});
const heardBytes = ({ audio: chunks }: HeardCall): number[] =>
  chunks.map(({ chunk }) => chunk.bytes()[0] ?? -1);

/** A call that is live. */
async function open(): Promise<{ call: HeardCall; leg: AvrLeg }> {
  connect();
  socket.says(init);
  await clock.advanceAsync(0);
  const call = host.calls.at(-1) as HeardCall;
  return { call, leg: call.leg as AvrLeg };
}

/** What was held back in this turn of the event loop has left. */
const written = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const turn = (changes: Partial<Turn>): Turn => ({
  turnId: 1,
  role: 'agent',
  startedAtMs: 0,
  text: '',
  heardText: '',
  heardMs: 0,
  generatedMs: 0,
  ended: true,
  ...changes,
});

beforeEach(() => {
  clock = new VirtualClock();
  host = new TestHost(clock);
  ami = new InstantAmi();
});

describe('a WebSocket of avr-core', () => {
  it('000 init: makes one call, named by the uuid, with what the sources of instructions say of it', async () => {
    host.found = Promise.resolve({ instructions: 'You are the desk.' });
    const { call } = await open();
    expect(host.lookedUp).toEqual(['u1']);
    expect(call.log).toEqual(['answered', 'connected']);
    expect(call.overrides).toEqual({ instructions: 'You are the desk.' });
    expect(call.tools.map(({ name }) => name)).toEqual(avrToolNames);
    expect(call.leg).toMatchObject({ carrier: 'avr', carrierCallId: 'u1' });
    expect(call.leg.receives).toEqual({ encoding: 'pcm16', sampleRate: 8000 });
    expect(call.leg.playback).toMatchObject({
      buffering: 'queued',
      acknowledges: 'nothing',
      continuousMedia: false,
      delivery: { frameMs: 20, leadMs: 10_000, maxChunkMs: 1000 },
    });
  });

  it('000 init: repeated, it is answered with ready and makes no second call', async () => {
    const { call } = await open();
    socket.says({ ...init, uuid: 'u2' });
    await written();
    expect(socket.messages).toEqual([{ type: 'ready', message: 'Session ready' }]);
    expect(host.calls).toEqual([call]);
    expect(host.lookedUp).toEqual(['u1']);
  });

  it('000 init: repeated while the call is looked up, it changes nothing', async () => {
    const found = Promise.withResolvers<CallOverrides>();
    host.found = found.promise;
    connect();
    socket.says(init);
    socket.says(init);
    found.resolve({});
    await clock.advanceAsync(0);
    await written();
    expect(host.calls).toHaveLength(1);
    expect(socket.messages).toEqual([]);
  });

  it('takes a call without a uuid, under an id of its own', async () => {
    connect();
    socket.says({ type: 'init' });
    await clock.advanceAsync(0);
    const { leg } = host.calls[0] as HeardCall;
    expect(leg.carrierCallId).toMatch(/^[\da-f-]{36}$/);
    expect(await leg.transfer?.({ to: '600' })).toMatchObject({ transferred: false });
    const done = leg.hangUp('agent', emptyRecord);
    socket.emit('close', 1000);
    await done;
    expect(ami.requests).toEqual([]);
  });

  it('000 audio in: of any even size, in order, without a copy or a change', async () => {
    const { call } = await open();
    for (const [value, bytes] of [
      [1, 320],
      [2, 2],
      [3, 640],
    ] as const)
      socket.says(audio(value, bytes));
    expect(call.audio.map(({ chunk }) => chunk.bytes())).toEqual([pcm(1), pcm(2, 2), pcm(3, 640)]);
  });

  it('000 audio in: nothing is lost before init and while the call is looked up', async () => {
    const found = Promise.withResolvers<CallOverrides>();
    host.found = found.promise;
    connect();
    socket.says(audio(1));
    socket.says(init);
    socket.says(audio(2));
    socket.says({ type: 'dtmf_digit', digit: '7' });
    await clock.advanceAsync(2000);
    socket.says(audio(3));
    expect(host.calls).toHaveLength(0);
    found.resolve({});
    await clock.advanceAsync(0);
    socket.says(audio(4));
    const [call] = host.calls as [HeardCall];
    expect(heardBytes(call)).toEqual([1, 2, 3, 4]);
    expect(call.log).toEqual(['answered', 'connected', 'audio', 'digit 7']);
  });

  it('000 audio in: what waits is bounded by ten seconds, of which the last are kept', async () => {
    const found = Promise.withResolvers<CallOverrides>();
    host.found = found.promise;
    connect();
    socket.says(init);
    for (let n = 0; n < 510; n++) {
      socket.says(audio(n % 256));
      await clock.advanceAsync(20);
    }
    found.resolve({});
    await clock.advanceAsync(0);
    expect(heardBytes(host.calls[0] as HeardCall)).toHaveLength(500);
    expect(heardBytes(host.calls[0] as HeardCall)[0]).toBe(10);
  });

  it('000 audio out: exactly 320 raw bytes per message', async () => {
    const { leg } = await open();
    leg.play(AudioChunk.fromBytes(Buffer.concat([pcm(1), pcm(2), pcm(3)])));
    await written();
    expect(socket.messages).toEqual([audio(1), audio(2), audio(3)]);
  });

  it('000 interruption: written after what was sent before it, when clear() returns', async () => {
    const { leg } = await open();
    leg.play(AudioChunk.fromBytes(pcm(1)));
    leg.clear();
    expect(socket.messages).toEqual([audio(1), { type: 'interruption' }]);
  });

  it('000 transcript: of both sides, in their order, the agent as far as it was heard', async () => {
    const { leg } = await open();
    leg.turnEnded?.(turn({ text: 'Hello. How can I help?', heardText: 'Hello. ' }));
    leg.turnEnded?.(turn({ role: 'caller', text: 'The desk, please.', heardText: '' }));
    leg.turnEnded?.(turn({ text: 'Never heard.', heardText: '' }));
    leg.turnEnded?.(turn({ role: 'caller', text: '' }));
    leg.clear();
    expect(socket.messages.slice(0, -1)).toEqual([
      { type: 'transcript', role: 'agent', text: 'Hello.' },
      { type: 'transcript', role: 'user', text: 'The desk, please.' },
    ]);
  });

  it('000 error: told when the model has failed, and then the socket is closed', async () => {
    const { leg, call } = await open();
    const done = leg.hangUp('model-failed');
    await clock.advanceAsync(0);
    expect(socket.messages).toEqual([{ type: 'error', message: expect.any(String) }]);
    expect(socket.closeCode).toBe(1000);
    socket.emit('close', 1000);
    await done;
    expect(call.log.at(-1)).toBe('ended hung-up');
  });

  it('000 dtmf_digit: reaches the call; bad values are ignored, however many', async () => {
    const { call } = await open();
    for (const digit of ['1', '#', 5]) socket.says({ type: 'dtmf_digit', digit });
    for (let n = 0; n < 50; n++) socket.says({ type: 'dtmf_digit', digit: 'wrong' });
    expect(call.log.slice(2)).toEqual(['digit 1', 'digit #', 'digit 5']);
    expect(socket.closeCode).toBeUndefined();
    expect(host.codes).toEqual([]);
  });

  it('000 reset: begins another conversation in the same call', async () => {
    connect();
    socket.says({ type: 'reset' });
    socket.says(init);
    socket.says({ type: 'reset' });
    await clock.advanceAsync(0);
    const [call] = host.calls as [HeardCall];
    expect(call.log).toEqual(['answered', 'connected']);
    socket.says({ type: 'reset' });
    expect(call.log).toEqual(['answered', 'connected', 'reset']);
    expect(host.calls).toHaveLength(1);
  });

  it('000 unknown types: passed over, however many', async () => {
    const { call } = await open();
    for (let n = 0; n < 50; n++) socket.says({ type: 'weather', n });
    socket.says(audio(1));
    expect(heardBytes(call)).toEqual([1]);
    expect(socket.closeCode).toBeUndefined();
  });

  it('forgives half a sample, and what is no JSON, ten times a minute', async () => {
    const { call } = await open();
    for (let n = 0; n < 5; n++) socket.says(audio(1, 321));
    for (let n = 0; n < 5; n++) socket.says('nonsense');
    socket.says(audio(2));
    expect(heardBytes(call)).toEqual([2]);
    expect(host.codes).toContain('PATCHCORD_AUDIO_MALFORMED');
    socket.says(audio(1, 321));
    expect(socket.closeCode).toBe(1007);
    expect(call.ends[0]?.error?.code).toBe('PATCHCORD_AUDIO_MALFORMED');
    // The caller is left to the dialplan: it was not the agent who ended the call.
    expect(ami.requests).toEqual([]);
  });

  it('refuses a call that cannot be taken with an error, asked before anybody is looked up', () => {
    host.full = new PatchcordError('PATCHCORD_DRAINING');
    connect();
    socket.says(init);
    expect(host.lookedUp).toEqual([]);
    expect(socket.messages).toEqual([{ type: 'error', message: host.full.message }]);
    expect(socket.closeCode).toBe(1013);
    expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
    socket.emit('close', 1013);
    expect(clock.pending).toBe(0);
  });

  it('refuses a call that can no longer be taken when it has been looked up', async () => {
    connect();
    socket.says(init);
    host.full = new PatchcordError('PATCHCORD_CALL_LIMIT');
    await clock.advanceAsync(0);
    expect(socket.messages).toEqual([{ type: 'error', message: host.full.message }]);
    expect(socket.closeCode).toBe(1000);
    expect(host.codes).toEqual(['PATCHCORD_CALL_LIMIT']);
    expect(ami.requests).toEqual([]);
  });

  it('takes the call all the same when the look-up breaks', async () => {
    host.found = Promise.reject(new Error('broken'));
    const { call } = await open();
    expect(call.overrides).toEqual({});
  });

  it('makes no call of a caller who has hung up while it was looked up', async () => {
    const found = Promise.withResolvers<CallOverrides>();
    host.found = found.promise;
    connect();
    socket.says(init);
    socket.emit('close', 1005);
    found.resolve({});
    await clock.advanceAsync(0);
    expect(host.calls).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('is closed with 1008 when no init comes in ten seconds', () => {
    connect();
    socket.says(audio(1));
    clock.advance(10_000);
    expect(socket.closeCode).toBe(1008);
    expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
  });

  it.each([
    [1000, 'hung-up'],
    [1001, 'hung-up'],
    [1005, 'hung-up'],
    [1006, 'connection-lost'],
    [1011, 'connection-lost'],
  ])('closed by avr-core with %i means %s', async (code, reason) => {
    const { call, leg } = await open();
    socket.emit('close', code);
    expect(call.log.at(-1)).toBe(`ended ${reason}`);
    leg.play(AudioChunk.fromBytes(pcm(1)));
    leg.clear();
    await leg.hangUp('agent');
    expect(socket.sent).toEqual([]);
    expect(ami.requests).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(socket.eventNames()).toEqual([]);
  });

  it('ends once where the call gives up inside answered', async () => {
    host.onAnswered = (leg) => {
      leg.hangUp('operator', emptyRecord).catch(expect.fail);
    };
    const { call } = await open();
    socket.emit('close', 1000);
    await clock.advanceAsync(0);
    expect(call.log).toEqual(['answered', 'ended hung-up']);
  });
});

describe('hanging up', () => {
  it('hangs up the channel first, so that the dialplan does not go on, and then closes the socket', async () => {
    const answered = Promise.withResolvers<void>();
    ami.outcome = () => answered.promise;
    const { leg, call } = await open();
    const done = leg.hangUp('agent');
    expect(leg.hangUp('operator')).toBe(done);
    await clock.advanceAsync(0);
    expect(ami.requests).toEqual(['hangup u1']);
    expect(socket.closeCode).toBeUndefined();
    answered.resolve();
    await clock.advanceAsync(0);
    expect(socket.closeCode).toBe(1000);
    socket.emit('close', 1000);
    await done;
    expect(call.log).toEqual(['answered', 'connected', 'ended hung-up']);
    expect(clock.pending).toBe(0);
  });

  it('waits a second for the helper and no longer, and never fails', async () => {
    const answered = Promise.withResolvers<void>();
    ami.outcome = () => answered.promise;
    const { leg, call } = await open();
    const done = leg.hangUp('agent');
    await clock.advanceAsync(999);
    expect(socket.closeCode).toBeUndefined();
    await clock.advanceAsync(1);
    expect(socket.closeCode).toBe(1000);
    answered.reject(new PatchcordError('PATCHCORD_CARRIER_API'));
    await clock.advanceAsync(3000);
    expect(socket.terminated).toBe(true);
    socket.emit('close', 1006);
    await done;
    expect(call.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it('is done when avr-core closes because the channel is gone', async () => {
    const { leg, call } = await open();
    const done = leg.hangUp('agent');
    socket.emit('close', 1005);
    await done;
    expect(call.ends).toEqual([{ reason: 'hung-up' }]);
  });
});

describe('a transfer', () => {
  it('redirects the channel in context demo at priority 1, and ends the call as transferred', async () => {
    const { leg, call } = await open();
    expect(await leg.transfer?.({ to: '+15550003333' })).toEqual({ transferred: true });
    expect(ami.requests).toEqual(['transfer u1 +15550003333 demo 1']);
    socket.emit('close', 1005);
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
    expect(clock.pending).toBe(0);
  });

  it('ends within five seconds where avr-core does not notice', async () => {
    const { leg, call } = await open();
    await leg.redirect({ exten: '600', context: 'demo', priority: 1 });
    await clock.advanceAsync(5000);
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
    expect(socket.closeCode).toBe(1000);
  });

  it('is not undone by a hang-up that was on its way', async () => {
    const { leg } = await open();
    await leg.redirect({ exten: '600', context: 'demo', priority: 1 });
    const done = leg.hangUp('agent');
    await clock.advanceAsync(0);
    socket.emit('close', 1000);
    await done;
    expect(ami.requests).toEqual(['transfer u1 600 demo 1']);
  });

  describe('that the helper has not answered yet', () => {
    let answer: PromiseWithResolvers<void>;
    let leg: AvrLeg;
    let call: HeardCall;
    let outcome: Promise<TransferOutcome>;

    beforeEach(async () => {
      ({ leg, call } = await open());
      answer = Promise.withResolvers();
      ami.outcome = () => (ami.requests.length === 1 ? answer.promise : Promise.resolve());
      outcome = leg.redirect({ exten: '600', context: 'demo', priority: 1 });
    });
    const refuse = () => answer.reject(new PatchcordError('PATCHCORD_CARRIER_API', 'avr: 500'));

    it('has happened when the channel leaves first', async () => {
      socket.emit('close', 1005);
      await clock.advanceAsync(0);
      expect(call.ends).toEqual([]);
      answer.resolve();
      expect(await outcome).toEqual({ transferred: true });
      expect(call.ends).toEqual([{ reason: 'transferred' }]);
      expect(clock.pending).toBe(0);
    });

    it('leaves the end what it was when it is refused then', async () => {
      socket.emit('close', 1005);
      refuse();
      expect(await outcome).toEqual({ transferred: false, detail: 'avr: 500' });
      expect(call.ends).toEqual([{ reason: 'hung-up' }]);
    });

    it('is not undone by an agent that hangs up meanwhile', async () => {
      const done = leg.hangUp('model-failed');
      await clock.advanceAsync(1500);
      expect([ami.requests.length, socket.closeCode]).toEqual([1, undefined]);
      answer.resolve();
      expect(await outcome).toEqual({ transferred: true });
      await clock.advanceAsync(0);
      socket.emit('close', 1000);
      await done;
      expect(ami.requests).toEqual(['transfer u1 600 demo 1']);
      expect(socket.messages).toEqual([]);
      expect(call.ends).toEqual([{ reason: 'transferred' }]);
      expect(clock.pending).toBe(0);
    });

    it('is followed by the hang-up of that agent when it is refused', async () => {
      const done = leg.hangUp('agent');
      refuse();
      await clock.advanceAsync(0);
      socket.emit('close', 1000);
      await done;
      expect(ami.requests).toEqual(['transfer u1 600 demo 1', 'hangup u1']);
      expect(call.ends).toEqual([{ reason: 'hung-up' }]);
    });

    it('is cut off by an operator, and no second one is asked for', async () => {
      expect(await leg.transfer({ to: '601' })).toMatchObject({ detail: 'a transfer is under way' });
      const done = leg.hangUp('operator');
      await clock.advanceAsync(0);
      socket.emit('close', 1000);
      answer.resolve();
      await done;
      expect(ami.requests).toEqual(['transfer u1 600 demo 1', 'hangup u1']);
    });
  });

  it('says why it did not happen', async () => {
    const { leg } = await open();
    const to = async (exten: string, context = 'demo') =>
      (await leg.redirect({ exten, context, priority: 1 })).detail;
    expect(await to('sip:desk@example.com')).toContain('not an extension');
    expect(await to('600\r\nAction: Originate')).toContain('not an extension');
    expect(await to('600', 'a b')).toContain('context');
    ami.outcome = () => Promise.reject(new PatchcordError('PATCHCORD_CARRIER_API', 'avr: 500'));
    expect(await to('600')).toBe('avr: 500');
    socket.emit('close', 1000);
    expect(await to('600')).toContain('ended');
    expect(ami.requests).toEqual(['transfer u1 600 demo 1']);
  });

  it('waits for an announcement to be heard, unless the caller interrupts it', async () => {
    const { leg } = await open();
    const { signal } = new AbortController();
    leg.play(AudioChunk.fromBytes(pcm(1, 16_000)));
    const heard = leg.spoken(signal);
    await clock.advanceAsync(1200);
    expect(await heard).toBe(true);
    leg.play(AudioChunk.fromBytes(pcm(1, 16_000)));
    const cut = leg.spoken(signal);
    leg.clear();
    expect(await cut).toBe(false);
  });

  it("asks for the caller's data once, and lives without", async () => {
    const { leg } = await open();
    expect(await leg.variables()).toEqual({ phone: '2000', name: undefined });
    const { leg: other } = await open();
    ami.outcome = () => Promise.reject(new PatchcordError('PATCHCORD_CARRIER_API'));
    expect(await other.variables()).toBeUndefined();
    expect(other.variables()).toBe(other.variables());
  });
});
