import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { callerOffer, type MediaOffer } from './client-envelope.ts';
import { GenesysWire, type GenesysWireOptions } from './wire.ts';

const open = {
  organizationId: 'org',
  conversationId: 'conversation',
  participantId: 'participant',
  ani: '+15550001111',
  aniName: 'Caller',
  dnis: '+15550002222',
  media: [callerOffer],
};

function newWire(options: Partial<GenesysWireOptions> = {}) {
  const clock = new VirtualClock();
  const wire = new GenesysWire({ sessionId: 's', open, now: () => clock.now(), ...options });
  const opening = wire.opening();
  let seq = 0;
  const say = (type: string, parameters: object = {}, clientseq = 1) => {
    seq += 1;
    return wire.read(JSON.stringify({ version: '2', type, seq, clientseq, id: 's', parameters }), false);
  };
  const opened = (media: readonly MediaOffer[] = [callerOffer]) => say('opened', { media });
  return { clock, wire, opening, say, opened };
}

const kinds = (commands: readonly { do: string; kind?: string }[]) =>
  commands.map((one) => one.kind ?? one.do);
const parsed = (frame: unknown) => JSON.parse(String(frame)) as Record<string, unknown>;

describe("Genesys's end of a session", () => {
  it('opens, and lets audio flow when the server has opened', () => {
    const { opening, opened } = newWire();
    expect(opening.map(parsed)).toMatchObject([{ type: 'open', seq: 1, serverseq: 0, position: 'PT0S' }]);
    expect(kinds(opened())).toEqual(['ready']);
    expect(kinds(opened())).toEqual(['opened-twice']);
  });

  it('sends no audio when none was chosen', () => {
    const { wire, opened } = newWire();
    expect(kinds(opened([]))).toEqual([]);
    expect(kinds(wire.read(Buffer.alloc(1600), true))).toEqual(['audio-unwanted', 'play']);
  });

  it.each([
    1600, 800,
  ])('gathers the caller to messages of %s bytes, and counts them in the position', (frameBytes) => {
    const { wire, opened } = newWire({ frameBytes });
    opened();
    const sent = Array.from({ length: 20 }, (_, at) => wire.audio(Buffer.alloc(160, at))).filter(Boolean);
    expect(sent.map((frame) => frame?.length)).toEqual(Array(3200 / frameBytes).fill(frameBytes));
    expect(Buffer.concat(sent as Buffer[])[159 + 160]).toBe(1);
    expect(parsed(wire.digit('5'))).toMatchObject({
      type: 'dtmf',
      seq: 2,
      serverseq: 1,
      position: 'PT0.4S',
      parameters: { digit: '5' },
    });
  });

  it('answers the first pong with another ping, tells the round trip, and finds a pong for another', () => {
    const { clock, wire, opened, say } = newWire();
    opened();
    expect(parsed(wire.ping())).toMatchObject({ type: 'ping', seq: 2, parameters: {} });
    clock.advance(42);
    expect(wire.awaitsPong).toBe(true);
    const [second] = say('pong', {}, 2);
    expect(second?.do === 'answer' && parsed(second.frame)).toMatchObject({
      parameters: { rtt: 'PT0.042S' },
    });
    expect(kinds(say('pong', {}, 2))).toEqual(['wrong-pong']);
    expect(kinds(say('pong', {}, 3))).toEqual([]);
    expect(kinds(say('pong', {}, 3))).toEqual(['pong-unasked']);
    expect(wire.record.roundTripsMs).toEqual([42, 0]);
  });

  it('finds audio that comes too early, too late, empty or too large', () => {
    const { clock, wire, opened } = newWire();
    expect(kinds(wire.read(Buffer.alloc(160), true))).toEqual(['audio-before-opened', 'play']);
    opened();
    expect(kinds(wire.read(Buffer.alloc(64_000), true))).toEqual(['play']);
    expect(kinds(wire.read(Buffer.alloc(64_001), true))).toEqual(['audio-too-large', 'play']);
    expect(kinds(wire.read(Buffer.alloc(0), true))).toEqual(['malformed', 'play']);
    expect(wire.closing('caller').map(parsed)).toMatchObject([
      { type: 'close', parameters: { reason: 'end' } },
    ]);
    expect(kinds(wire.read(Buffer.alloc(160), true))).toEqual(['play']);
    clock.advance(300);
    expect(kinds(wire.read(Buffer.alloc(160), true))).toEqual(['audio-after-close', 'play']);
  });

  it('is disconnected with the variables of the flow, closes, and waits for closed', () => {
    const { wire, opened, say } = newWire();
    opened();
    expect(kinds(say('disconnect', { reason: 'completed', outputVariables: { A: 'b' } }))).toEqual([
      'hang-up',
    ]);
    expect(wire.record.disconnect).toEqual({
      reason: 'completed',
      info: undefined,
      outputVariables: { A: 'b' },
    });
    expect(wire.closing('gateway').map(parsed)).toMatchObject([{ parameters: { reason: 'disconnect' } }]);
    expect(kinds(wire.read(Buffer.alloc(160), true))).toEqual(['audio-after-disconnect', 'play']);
    expect(kinds(say('closed', {}))).toEqual(['goodbye']);
  });

  it('is paused by the server and by the flow, and tells what was thrown away', () => {
    const { wire, opened, say } = newWire({ frameBytes: 160 });
    opened();
    wire.audio(Buffer.alloc(160));
    const [paused] = say('pause');
    expect(paused?.do === 'answer' && parsed(paused.frame)).toMatchObject({ type: 'paused', parameters: {} });
    expect(parsed(wire.pause('client'))).toMatchObject({ type: 'paused' });
    for (let count = 0; count < 50; count += 1) expect(wire.audio(Buffer.alloc(160))).toBeUndefined();
    const [still] = say('resume');
    expect(still?.do === 'answer' && parsed(still.frame)).toMatchObject({ type: 'paused' });
    expect(parsed(wire.resume('client'))).toMatchObject({
      type: 'resumed',
      position: 'PT0.02S',
      parameters: { start: 'PT0.02S', discarded: 'PT1S' },
    });
    expect(wire.audio(Buffer.alloc(160))).toHaveLength(160);
  });

  it('flushes at barge_in, and says that playback is complete only where it is told to', () => {
    const bargeIn = { entities: [{ type: 'barge_in', data: {} }] };
    const { wire, opened, say } = newWire();
    opened();
    expect(kinds(say('event', bargeIn))).toEqual(['clear']);
    expect(wire.record.bargeIns).toBe(1);
    expect(wire.acknowledge({ type: 'cleared' })).toBeUndefined();
    expect(parsed(wire.acknowledge({ type: 'started' }))).toMatchObject({ type: 'playback_started' });
    expect(parsed(wire.acknowledge({ type: 'completed' }))).toMatchObject({ type: 'playback_completed' });
    const eager = newWire({ completesAfterFlush: true });
    expect(parsed(eager.wire.acknowledge({ type: 'cleared' }))).toMatchObject({ type: 'playback_completed' });
  });

  it('keeps what the server reports', () => {
    const { wire, opened, say } = newWire();
    opened();
    say('event', {
      entities: [
        { type: 'bot_turn_response', data: { disposition: 'no_match' } },
        { type: 'transcript', data: {} },
      ],
    });
    say('updated');
    expect(wire.record).toMatchObject({
      botTurns: [{ disposition: 'no_match' }],
      otherEntities: ['transcript'],
      updates: 1,
    });
  });

  it('notes a server that sends too many messages', () => {
    const { wire, opened, say } = newWire({
      limits: { audio: { perSecond: 5, burst: 2 }, text: { perSecond: 5, burst: 2 } },
    });
    opened();
    expect([1, 2, 3].flatMap(() => kinds(wire.read(Buffer.alloc(160), true)))).toEqual([
      'play',
      'play',
      'audio-rate',
      'play',
    ]);
    expect([kinds(say('updated')), kinds(say('updated'))]).toEqual([[], ['text-rate']]);
  });

  it('tells such a server to wait, and breaks with one that does not', () => {
    const { clock, wire, opened } = newWire({
      limits: { audio: { perSecond: 5, burst: 1 }, text: { perSecond: 5, burst: 5 } },
      overLimit: 'told',
      retryAfterMs: 1500,
    });
    opened();
    const audio = () => wire.read(Buffer.alloc(160), true);
    expect(kinds(audio())).toEqual(['play']);
    const [told] = audio();
    expect(told?.do === 'answer' && parsed(told.frame)).toMatchObject({
      type: 'error',
      parameters: { code: 429, retryAfter: 'PT1.5S' },
    });
    // What was under way already.
    expect(kinds(audio())).toEqual(['play']);
    clock.advance(300);
    expect(audio()[0]).toMatchObject({ do: 'violation', kind: 'ignored-429', fatal: true });
    clock.advance(1300);
    expect(kinds(audio())).toEqual(['play']);
    expect(wire.record.limitsSent).toBe(1);
  });
});
