import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../../base/errors.ts';
import { readDelivery, writeState } from './events.ts';

const deliver = (event_type: string, payload: object, id: unknown = 'e1') =>
  readDelivery(Buffer.from(JSON.stringify({ data: { id, event_type, record_type: 'event', payload } })));

const eventOf = (event_type: string, payload: object) => {
  const delivery = deliver(event_type, { call_control_id: 'v3:a', client_state: null, ...payload });
  return delivery instanceof PatchcordError ? delivery.code : delivery.event;
};
const ofCall = { callControlId: 'v3:a', ours: undefined };

const initiated = {
  call_leg_id: 'leg',
  call_session_id: 'session',
  connection_id: '2811',
  direction: 'incoming',
  state: 'parked',
  from: '+15550001111',
  to: '+15550002222',
  caller_id_name: 'ACME',
  custom_headers: [
    { name: 'X-Tenant', value: 'a' },
    { name: '', value: 'b' },
    { name: 'X-Number', value: 5 },
  ],
  sip_headers: [{ name: 'User-to-User', value: 'c' }],
};

describe('an event', () => {
  it('is read as documented', () => {
    expect(deliver('call.answered', { call_control_id: 'v3:a' })).toEqual({
      id: 'e1',
      event: { type: 'answered', ...ofCall },
    });
    expect(eventOf('call.initiated', initiated)).toEqual({
      type: 'initiated',
      ...ofCall,
      incoming: true,
      from: '+15550001111',
      to: '+15550002222',
      variables: {
        caller_id_name: 'ACME',
        call_session_id: 'session',
        connection_id: '2811',
        'X-Tenant': 'a',
        'User-to-User': 'c',
      },
    });
    expect(eventOf('call.bridged', {})).toEqual({ type: 'bridged', ...ofCall });
    expect(eventOf('call.hangup', { hangup_cause: 'user_busy', sip_hangup_cause: '486' })).toEqual({
      type: 'hangup',
      ...ofCall,
      cause: 'user_busy',
    });
    expect(eventOf('call.speak.ended', { status: 'completed' })).toEqual({ type: 'speak-ended', ...ofCall });
    const failed = {
      failure_reason: 'connection_failed',
      stream_params: { stream_url: 'wss://a/b', stream_track: 'inbound' },
    };
    expect(eventOf('streaming.failed', failed)).toEqual({
      type: 'streaming-failed',
      ...ofCall,
      reason: 'connection_failed',
      streamUrl: 'wss://a/b',
    });
  });

  it('may have underscores in its name', () => {
    expect(eventOf('call_initiated', initiated)).toMatchObject({ type: 'initiated', incoming: true });
    expect(eventOf('call_speak_ended', {})).toMatchObject({ type: 'speak-ended' });
    expect(eventOf('streaming_failed', {})).toMatchObject({
      type: 'streaming-failed',
      reason: 'unspecified',
      streamUrl: undefined,
    });
  });

  it('is of a call to us where it comes in, or waits for a command and does not say', () => {
    const incoming = (payload: object) => eventOf('call.initiated', payload);
    expect(incoming({ direction: 'outgoing', state: 'bridging' })).toMatchObject({ incoming: false });
    expect(incoming({ direction: 'outgoing', state: 'parked' })).toMatchObject({ incoming: false });
    expect(incoming({ state: 'parked' })).toMatchObject({ incoming: true });
    expect(incoming({})).toMatchObject({ incoming: false, from: undefined, variables: {} });
  });

  it('tells which dial or transfer of ours it is of, and nothing of what others wrote', () => {
    for (const ours of [{ kind: 'dial', id: 'a_b-c' } as const, { kind: 'transfer', id: 'x' } as const]) {
      expect(eventOf('call.answered', { client_state: writeState(ours) })).toMatchObject({ ours });
    }
    for (const text of ['', 'patchcord:dial:', 'patchcord:call:1', 'xpatchcord:dial:1', 'patchcord:dial:a b'])
      expect(eventOf('call.answered', { client_state: Buffer.from(text).toString('base64') })).toMatchObject({
        ours: undefined,
      });
    expect(eventOf('call.answered', { client_state: 7 })).toMatchObject({ ours: undefined });
  });

  it('of another kind is none, whatever it holds', () => {
    for (const name of ['streaming.started', 'call.dtmf.received', 'message.received', '__proto__', 'call'])
      expect(deliver(name, {})).toEqual({ id: 'e1', event: undefined });
  });

  it('may have no id', () => {
    expect(deliver('call.answered', { call_control_id: 'v3:a' }, 7)).toMatchObject({ id: undefined });
  });

  it.each([
    ['no JSON', 'hello'],
    ['no object', '[]'],
    ['nothing', ''],
    ['without data', '{"event_type":"call.answered"}'],
    ['without a name', '{"data":{"payload":{}}}'],
    ['of no call', '{"data":{"event_type":"call.answered","payload":{}}}'],
    ['of a call without a name', '{"data":{"event_type":"call.answered","payload":{"call_control_id":""}}}'],
    [
      'of a call with an endless name',
      `{"data":{"event_type":"call.answered","payload":{"call_control_id":"${'x'.repeat(257)}"}}}`,
    ],
  ])('is malformed where it is %s', (_what, body) => {
    expect(readDelivery(Buffer.from(body))).toMatchObject({ code: 'PATCHCORD_MESSAGE_MALFORMED' });
  });

  it('lets no exception out and no more than it may: 10,000 bodies', () => {
    const any = fc.jsonValue({ maxDepth: 3 });
    const payload = fc.oneof(
      any,
      fc.record(
        {
          call_control_id: fc.oneof(any, fc.constant('v3:a')),
          client_state: fc.oneof(any, fc.base64String()),
          direction: fc.oneof(any, fc.constant('incoming')),
          from: any,
          caller_id_name: fc.string({ maxLength: 2000 }),
          custom_headers: fc.oneof(any, fc.array(fc.record({ name: fc.string(), value: any }))),
          sip_headers: fc.oneof(any, fc.array(any, { maxLength: 60 })),
          stream_params: any,
          hangup_cause: any,
        },
        { requiredKeys: [] },
      ),
    );
    const name = fc.constantFrom('call.initiated', 'call_hangup', 'streaming.failed', 'call.answered', 'x');
    const json = fc
      .tuple(name, payload, any)
      .map(([event_type, body, id]) => JSON.stringify({ data: { id, event_type, payload: body } }));
    const raw = fc.oneof({ weight: 4, arbitrary: json }, fc.string(), fc.json());
    fc.assert(
      fc.property(raw, (body) => {
        const delivery = readDelivery(Buffer.from(body));
        if (delivery instanceof PatchcordError || delivery.event?.type !== 'initiated') return;
        const { variables } = delivery.event;
        expect(Object.keys(variables).length).toBeLessThanOrEqual(20);
        for (const value of Object.values(variables)) expect(value.length).toBeLessThanOrEqual(500);
      }),
      { numRuns: 10_000 },
    );
  });
});
