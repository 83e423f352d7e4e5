import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestStream } from '../../../test/support/served-carrier.ts';
import { callEnded, TelnyxApi } from '../../../test/support/telnyx-api.ts';
import {
  mediaMessage,
  type ServedTelnyx,
  serveTelnyx,
  startMessage,
  testSettings,
} from '../../../test/support/telnyx-host.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Leg } from '../../call/leg.ts';
import { emptyRecord, type HeardCall, TestHost } from '../testing/test-host.ts';

let api: TelnyxApi;
let clock: VirtualClock;
let host: TestHost;
let served: ServedTelnyx;
let stream: TestStream;
let call: HeardCall;
let leg: Required<Leg>;

/** A call whose media flows. */
beforeEach(async () => {
  api = new TelnyxApi();
  clock = new VirtualClock();
  host = new TestHost(clock);
  served = await serveTelnyx(host, { ...testSettings, apiBaseUrl: await api.listen() });
  await served.event('call.initiated', { call_control_id: 'v3:a', direction: 'incoming' });
  await api.asked(1);
  await served.event('call.answered', { call_control_id: 'v3:a' });
  await api.asked(2);
  stream = await served.stream(`?token=${api.requests.at(-1)?.json.stream_auth_token}`);
  stream.send(startMessage('v3:a'));
  stream.send(mediaMessage(1));
  call = host.calls[0] as HeardCall;
  leg = call.leg as Required<Leg>;
  await call.audioOf(1);
});

afterEach(async () => {
  await served.close();
  await api.close();
});

const commands = () => api.commands.slice(2);
const transfer = () => leg.transfer({ to: '+15550003333', callerId: '+15550002222' });
/** An event of the leg that the transfer dials. */
const ofTarget = (name: string, payload: object = {}) =>
  served.event(name, {
    call_control_id: 'v3:target',
    client_state: api.requests.find(({ line }) => line.endsWith('transfer'))?.json.target_leg_client_state,
    ...payload,
  });

describe('a transfer', () => {
  it('asks Telnyx to ring the target, and the call goes on until it answers', async () => {
    expect(await transfer()).toEqual({ transferred: true });
    expect(api.requests.at(-1)).toMatchObject({
      line: 'POST /calls/v3%3Aa/actions/transfer',
      json: {
        to: '+15550003333',
        from: '+15550002222',
        webhook_url: 'https://gw.example.com/api/webhooks/telnyx',
      },
    });
    await ofTarget('call.initiated', { direction: 'outgoing', state: 'bridging' });
    stream.send(mediaMessage(2));
    await call.audioOf(2);
    expect(call.ends).toEqual([]);
    expect(host.calls).toHaveLength(1);
  });

  it.each([
    ['call.bridged', {}],
    ['call.answered', {}],
    ['call.bridged', { call_control_id: 'v3:a', client_state: null }],
  ])('ends the call here as transferred at %s, without hanging it up', async (name, payload) => {
    await transfer();
    await ofTarget(name, payload);
    await ofTarget('call.bridged');
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
    expect(await stream.closed).toBe(1000);
    expect(stream.received).toEqual(['{"event":"clear"}']);
    await ofTarget('call.hangup', { hangup_cause: 'normal_clearing' });
    await served.event('call.hangup', { call_control_id: 'v3:a' });
    expect(commands()).toEqual(['transfer']);
  });

  it('ends the call as transferred when Telnyx ends the stream for it', async () => {
    await transfer();
    stream.send({ event: 'stop' });
    expect(await call.ended).toEqual({ reason: 'transferred' });
    expect(commands()).toEqual(['transfer']);
  });

  it('that nobody answers leaves the caller with the agent', async () => {
    await transfer();
    await ofTarget('call.hangup', { hangup_cause: 'user_busy' });
    expect(call.ends).toEqual([]);
    expect(await transfer()).toEqual({ transferred: true });
    await leg.hangUp('operator', emptyRecord);
    expect(commands()).toEqual(['transfer', 'transfer', 'hangup']);
    expect(call.ends).toEqual([{ reason: 'hung-up' }]);
  });

  it('is not cut off because the agent is done, and the caller is told when nobody answers then', async () => {
    await transfer();
    await leg.hangUp('agent', emptyRecord);
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
    expect(await stream.closed).toBe(1000);
    expect(commands()).toEqual(['transfer']);
    await ofTarget('call.hangup', { hangup_cause: 'no_answer' });
    await api.asked(4);
    expect(commands()).toEqual(['transfer', 'speak']);
  });

  it('is cut off by an operator', async () => {
    await transfer();
    await leg.hangUp('operator', emptyRecord);
    expect(commands()).toEqual(['transfer', 'hangup']);
  });

  it('is over when the caller hangs up meanwhile', async () => {
    await transfer();
    await served.event('call.hangup', { call_control_id: 'v3:a', hangup_cause: 'normal_clearing' });
    expect(call.ends).toEqual([{ reason: 'hung-up' }]);
    await ofTarget('call.hangup', { hangup_cause: 'originator_cancel' });
    expect(commands()).toEqual(['transfer']);
  });

  it('may be answered before its request is', async () => {
    api.reply = async ({ line }) => {
      if (line.endsWith('transfer')) await ofTarget('call.answered');
      return [200, {}];
    };
    expect(await transfer()).toEqual({ transferred: true });
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
  });

  it('goes to a SIP address too', async () => {
    expect(await leg.transfer({ to: 'sip:desk@example.com' })).toEqual({ transferred: true });
    expect(api.requests.at(-1)?.json).toMatchObject({ to: 'sip:desk@example.com' });
    expect(api.requests.at(-1)?.json).not.toHaveProperty('from');
  });

  it('says why it did not happen', async () => {
    for (const to of ['the desk', '+1', '15550003333', '+15550003333,200', 'sip:a b', 'http://a'])
      expect(await leg.transfer({ to })).toMatchObject({ transferred: false });
    expect(commands()).toEqual([]);
    api.reply = async () => [422, { errors: [{ code: '10015', detail: 'Not a number.' }] }];
    expect(await transfer()).toEqual({ transferred: false, detail: 'Not a number.' });
    api.reply = async () => callEnded;
    expect(await transfer()).toEqual({ transferred: false, detail: 'the call has ended' });
    api.reply = async () => [200, {}];
    await transfer();
    expect(await transfer()).toEqual({ transferred: false, detail: 'a transfer is already under way' });
    await leg.hangUp('operator', emptyRecord);
    expect(await transfer()).toEqual({ transferred: false, detail: 'the call has ended' });
  });
});

/** What becomes of the call here while Telnyx has not said whether it takes the transfer. */
const endsMeanwhile: [string, () => Promise<unknown>][] = [
  ['the agent hangs up', () => leg.hangUp('agent', emptyRecord)],
  ['the model fails', () => leg.hangUp('model-failed', emptyRecord)],
  [
    'Telnyx ends the stream',
    () => {
      stream.send({ event: 'stop' });
      return call.ended;
    },
  ],
  [
    'the socket is lost',
    () => {
      stream.socket.terminate();
      return call.ended;
    },
  ],
];

describe.each(endsMeanwhile)('while a transfer is asked for, %s:', (_, end) => {
  /** Telnyx takes every command; the answer to a transfer comes after the end. */
  const answersTransfer = (answer: () => Promise<[number, unknown]>) => {
    api.reply = async ({ line }) => {
      if (!line.endsWith('transfer')) return [200, {}];
      await end();
      return answer();
    };
  };
  const noAnswer = () => Promise.reject(new Error('broken'));

  it('the caller whose transfer is refused hears the apology and is hung up', async () => {
    answersTransfer(async () => [422, { errors: [{ code: '10015', detail: 'Not a number.' }] }]);
    expect(await transfer()).toEqual({ transferred: false, detail: 'Not a number.' });
    await api.asked(4);
    await served.event('call.speak.ended', { call_control_id: 'v3:a' });
    await api.asked(5);
    expect(commands()).toEqual(['transfer', 'speak', 'hangup']);
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
  });

  it('the caller whose transfer is taken is left to the target', async () => {
    answersTransfer(async () => [200, {}]);
    expect(await transfer()).toEqual({ transferred: true });
    clock.advance(60_000);
    await ofTarget('call.bridged');
    expect(commands()).toEqual(['transfer']);
  });

  it('the caller is not left alone when Telnyx neither answers nor rings anybody', async () => {
    answersTransfer(noAnswer);
    expect(await transfer()).toMatchObject({ transferred: false });
    clock.advance(29_999);
    expect(commands()).toEqual(['transfer']);
    clock.advance(1);
    await api.asked(4);
    expect(commands()).toEqual(['transfer', 'speak']);
  });

  it('the caller is left to a target that rings though Telnyx did not answer', async () => {
    answersTransfer(noAnswer);
    await transfer();
    await ofTarget('call.initiated', { direction: 'outgoing', state: 'bridging' });
    clock.advance(60_000);
    expect(commands()).toEqual(['transfer']);
    await ofTarget('call.hangup', { hangup_cause: 'no_answer' });
    await api.asked(4);
    expect(commands()).toEqual(['transfer', 'speak']);
  });

  it('the caller is hung up when nobody is here any more who could tell him', async () => {
    answersTransfer(noAnswer);
    await transfer();
    served.carrier.close();
    await api.asked(4);
    expect(commands()).toEqual(['transfer', 'hangup']);
  });
});

describe('a transfer that Telnyx did not answer', () => {
  beforeEach(async () => {
    api.reply = ({ line }) =>
      line.endsWith('transfer') ? Promise.reject(new Error('broken')) : Promise.resolve([200, {}]);
    expect(await transfer()).toMatchObject({ transferred: false });
  });

  it('has happened all the same when the target answers', async () => {
    await ofTarget('call.answered');
    expect(call.ends).toEqual([{ reason: 'transferred' }]);
    expect(commands()).toEqual(['transfer']);
  });

  it('does not make the end of the next one its own', async () => {
    api.reply = async () => [200, {}];
    await transfer();
    await ofTarget('call.hangup', { hangup_cause: 'user_busy' });
    expect(await transfer()).toMatchObject({ detail: 'a transfer is already under way' });
  });
});
