import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { generateSpeech } from '../phone/caller-audio.ts';
import { callerOffer } from './client-envelope.ts';
import { GenesysSession } from './session.ts';
import { GenesysWire } from './wire.ts';

interface Sent {
  readonly atMs: number;
  readonly type: string;
  readonly seq: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly position: string;
}

/** A session against a server that does what its listener says; all in virtual time. */
function newSession(steps: CallerStep[] = [], network: NetworkOptions = {}) {
  const clock = new VirtualClock();
  const sent: Sent[] = [];
  const audio: { atMs: number; bytes: Buffer }[] = [];
  const ends: string[] = [];
  let onText: (message: Sent) => void = () => undefined;
  let seq = 0;
  const wire = new GenesysWire({
    sessionId: 's',
    now: () => clock.now(),
    open: {
      organizationId: 'org',
      conversationId: 'conversation',
      participantId: 'participant',
      ani: '',
      aniName: '',
      dnis: '',
      media: [callerOffer],
    },
  });
  const session = new GenesysSession({
    clock,
    wire,
    transport: {
      send: (frame) => {
        if (typeof frame !== 'string') audio.push({ atMs: clock.now(), bytes: frame });
        else {
          const message: Sent = { atMs: clock.now(), ...JSON.parse(frame) };
          sent.push(message);
          onText(message);
        }
      },
      close: () => ends.push(`${clock.now()} close`),
      destroy: () => ends.push(`${clock.now()} destroy`),
    },
    caller: new Caller({ steps }),
    network: new NetworkConditions(clock, network),
    ended: (record) => ends.push(`${clock.now()} ended by ${record.endedBy}`),
  });
  const say = (type: string, parameters: object = {}, clientseq = sent.at(-1)?.seq ?? 0) => {
    seq += 1;
    session.line.receive(JSON.stringify({ version: '2', type, seq, clientseq, id: 's', parameters }), false);
  };
  const honest = (message: Sent): void => {
    if (message.type === 'open') say('opened', { media: [callerOffer] });
    if (message.type === 'ping') say('pong', {}, message.seq);
    if (message.type === 'close') say('closed', {});
  };
  const listen = (listener: (message: Sent) => void) => {
    onText = listener;
  };
  const play = (ms: number) => session.line.receive(Buffer.alloc(ms * 8, 0x20), true);
  const types = () => sent.map(({ atMs, type }) => `${atMs} ${type}`);
  const violations = () => session.line.record.violations.map(({ kind }) => kind);
  return { clock, session, wire, sent, audio, ends, say, honest, listen, play, types, violations };
}

describe('GenesysSession', () => {
  it('sends the caller 200 ms at a time once it is opened, and pings after 1 s, then at once, then every 5 s', () => {
    const { clock, session, audio, honest, listen, types, violations } = newSession();
    listen(honest);
    session.start();
    clock.advance(12_000);
    expect(types()).toEqual(['0 open', '1000 ping', '1000 ping', '6000 ping', '11000 ping']);
    expect(audio).toHaveLength(60);
    expect(audio.map(({ atMs }) => atMs).slice(0, 3)).toEqual([200, 400, 600]);
    expect(audio.every(({ bytes }) => bytes.length === 1600)).toBe(true);
    expect(violations()).toEqual([]);
  });

  it('sends nothing of the caller to a server that has not opened, and gives up after 5 s', () => {
    const { clock, session, audio, ends, types, violations, say } = newSession();
    session.start();
    clock.advance(5000);
    expect(audio).toEqual([]);
    expect(types()).toEqual(['0 open', '5000 error', '5000 close']);
    say('closed');
    expect(violations()).toEqual(['opened-late']);
    expect(ends).toEqual(['5000 close', '5000 ended by carrier']);
    expect(session.record.closeReason).toBe('error');
    expect(clock.pending).toBe(0);
  });

  it('gives up a server that answers no ping', () => {
    const { clock, session, honest, listen, sent, types, violations } = newSession();
    listen((message) => {
      if (message.type !== 'ping' || message.atMs < 6000) honest(message);
    });
    session.start();
    clock.advance(20_000);
    expect(types().slice(3)).toEqual(['6000 ping', '11000 error', '11000 close']);
    expect(sent.at(-2)?.parameters).toMatchObject({ code: 408 });
    expect(violations()).toEqual(['no-pong']);
  });

  it('tells when playback starts and completes, and flushes at barge_in without a word', () => {
    const { clock, session, honest, listen, play, say, types } = newSession();
    listen(honest);
    session.start();
    clock.advance(100);
    play(300);
    play(200);
    clock.advance(700);
    play(3000);
    clock.advance(50);
    say('event', { entities: [{ type: 'barge_in', data: {} }] });
    clock.advance(100);
    expect(types().slice(1)).toEqual([
      '100 playback_started',
      '600 playback_completed',
      '800 playback_started',
    ]);
    expect(session.line.record.clears).toMatchObject([{ atMs: 850, stretchMs: 50, droppedMs: 2950 }]);
  });

  it('lets the caller press keys and hang up, and closes when that was answered', () => {
    const { clock, session, honest, listen, sent, ends, types } = newSession([
      { do: 'speak', audio: generateSpeech(100) },
      { do: 'digits', digits: '4#' },
      { do: 'hangup' },
    ]);
    listen(honest);
    session.start();
    clock.advance(1000);
    expect(
      types()
        .slice(1)
        .map((line) => line.split(' ')[1]),
    ).toEqual(['dtmf', 'dtmf', 'close']);
    expect(sent.at(-1)?.parameters).toEqual({ reason: 'end' });
    expect(ends.at(-1)).toMatch(/ended by caller/);
    expect(session.line.record).toMatchObject({ digitsSent: 2, violationCount: 0 });
    expect(clock.pending).toBe(0);
  });

  it('closes for a server that disconnects, and notes one that just goes away', () => {
    const orderly = newSession();
    orderly.listen(orderly.honest);
    orderly.session.start();
    orderly.clock.advance(50);
    orderly.say('disconnect', { reason: 'completed', outputVariables: { A: 'b' } });
    expect(orderly.sent.at(-1)).toMatchObject({ type: 'close', parameters: { reason: 'disconnect' } });
    expect(orderly.ends).toEqual(['50 close', '50 ended by gateway']);
    expect(orderly.violations()).toEqual([]);
    const rude = newSession();
    rude.listen(rude.honest);
    rude.session.start();
    rude.clock.advance(50);
    rude.session.line.closed(1000);
    expect(rude.violations()).toEqual(['closed-first']);
    const hasty = newSession();
    hasty.listen((message) => {
      if (message.type !== 'close') hasty.honest(message);
    });
    hasty.session.start();
    hasty.say('disconnect', { reason: 'completed' });
    hasty.session.line.closed(1000);
    expect(hasty.violations()).toEqual(['closed-first']);
    const wordless = newSession();
    wordless.session.start();
    wordless.session.line.stop('caller');
    wordless.session.line.closed(1000);
    expect(wordless.violations()).toEqual(['closed-first']);
  });

  it('does not wait for closed for ever', () => {
    const { clock, session, honest, listen, ends, violations } = newSession();
    listen((message) => {
      if (message.type !== 'close') honest(message);
    });
    session.start();
    session.line.stop('caller');
    clock.advance(20_000);
    expect(violations()).toEqual(['no-goodbye']);
    expect(ends.at(-1)).toBe('5000 ended by caller');
    expect(clock.pending).toBe(0);
  });

  it('pauses, updates, errs and limits when it is told to', () => {
    const { clock, session, honest, listen, audio, types, sent } = newSession();
    listen(honest);
    session.start();
    clock.advance(400);
    session.pause();
    clock.advance(400);
    session.resume();
    session.update('fr-FR');
    session.error(400, 'odd');
    session.limit(2000);
    session.limit();
    clock.advance(100);
    expect(types().slice(1)).toEqual([
      '400 paused',
      '800 resumed',
      '800 update',
      '800 error',
      '800 error',
      '800 error',
    ]);
    expect(sent.slice(3).map(({ parameters }) => parameters)).toEqual([
      { language: 'fr-FR' },
      { code: 400, message: 'odd' },
      { code: 429, message: 'Too many messages', retryAfter: 'PT2S' },
      { code: 429, message: 'Too many messages' },
    ]);
    expect(audio).toHaveLength(2);
  });

  it('holds an answer that is late on the network to no rule that it kept', () => {
    const { clock, session, honest, listen, violations } = newSession([], {
      toGateway: { delayMs: 80 },
      toCarrier: { delayMs: 80 },
    });
    listen(honest);
    session.start();
    clock.advance(7000);
    session.line.stop('caller');
    clock.advance(1000);
    expect(violations()).toEqual([]);
    expect(session.record.roundTripsMs.every((ms) => ms === 160)).toBe(true);
  });
});
