import { describe, expect, it } from 'vitest';
import type { Logger } from '../base/logger.ts';
import type { CallEventBody } from '../call/events.ts';
import { callLog } from './call-log.ts';
import { atEpochMs, endedEvent, eventOf, startedEvent, turnOf } from './test-fixtures.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

function setUp(content = false) {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ ...fields, level, message });
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  const observe = callLog({ log, content });
  observe(startedEvent('a'));
  return { lines, observe, tell: (body: CallEventBody) => observe(eventOf('a', body)) };
}

const spoken = turnOf(3, {
  text: 'Your account is 4711',
  heardText: 'Your account',
  heardMs: 640,
  cut: 'caller-spoke',
  ended: true,
});

describe('the log of a call', () => {
  it('has a line for its start, its states and its end, all with the call id and the carrier', () => {
    const { lines, tell, observe } = setUp();
    tell({ type: 'call.state', from: 'answering', to: 'live', cause: 'connected' });
    tell({ type: 'model.state', from: 'connecting', to: 'ready', cause: 'ready' });
    observe(endedEvent('a', 'agent-hung-up', { startedAtEpochMs: atEpochMs - 5000 }));
    expect(lines.map((line) => line.message)).toEqual([
      'call started',
      'call state',
      'model state',
      'call ended',
    ]);
    for (const line of lines) expect(line).toMatchObject({ level: 'info', callId: 'a', carrier: 'twilio' });
    expect(lines.at(-1)).toMatchObject({
      reason: 'agent-hung-up',
      durationMs: 5000,
      liveMs: 4200,
      bargeIns: 1,
      pickUpToFirstAudioMs: 180,
      usage: { outputAudioTokens: 40 },
    });
  });

  it('says how much was heard when the caller barges in, and how soon the agent spoke', () => {
    const { lines, tell } = setUp();
    tell({
      type: 'barge-in',
      cause: 'caller-spoke',
      clearMs: 0.0421234,
      items: [
        { itemId: 'x', heardMs: 640, generatedMs: 900 },
        { itemId: 'y', heardMs: 0, generatedMs: 300 },
      ],
    });
    tell({ type: 'latency.pick-up', firstAudioMs: 210.12345 });
    tell({ type: 'latency.turn', turnId: 3, endpointingMs: 500, firstAudioMs: 800 });
    tell({ type: 'latency.turn', turnId: 3, endpointingMs: 500, firstAudioMs: 800, heardMs: 950 });
    expect(lines.slice(1)).toMatchObject([
      { message: 'barge-in', heardMs: 640, generatedMs: 1200, clearMs: 0.042 },
      { message: 'first audio', firstAudioMs: 210.1 },
      { level: 'info', message: 'answer', turnId: 3, firstAudioMs: 800, endpointingMs: 500 },
      { level: 'debug', message: 'answer heard', turnId: 3, firstAudioMs: 800, heardMs: 950 },
    ]);
  });

  it('names errors by code, fatal ones as errors', async () => {
    const { lines, tell, observe } = setUp();
    tell({ type: 'error', code: 'PATCHCORD_MODEL_ERROR', message: 'm', fatal: false });
    tell({ type: 'error', code: 'PATCHCORD_INTERNAL', message: 'm', fatal: true });
    tell({ type: 'error', code: 'PATCHCORD_MEDIA_LOST', message: 'm', fatal: true });
    await Promise.resolve();
    observe(endedEvent('a', 'media-lost'));
    expect(lines.slice(1)).toMatchObject([
      { level: 'warn', code: 'PATCHCORD_MODEL_ERROR' },
      { level: 'error', code: 'PATCHCORD_INTERNAL' },
      { level: 'error', code: 'PATCHCORD_MEDIA_LOST' },
      { level: 'info', message: 'call ended' },
    ]);
    expect(lines.at(-1)).not.toHaveProperty('code');
  });

  it('says on the one line of an error what the model told of it', () => {
    const { lines, tell } = setUp();
    const details = { code: 'rate_limit_exceeded', status: 429, retryInMs: 125 };
    tell({ type: 'error', code: 'PATCHCORD_MODEL_UNREACHABLE', message: 'm', fatal: false, details });
    expect(lines.slice(1)).toMatchObject([
      { code: 'PATCHCORD_MODEL_UNREACHABLE', modelCode: 'rate_limit_exceeded', status: 429, retryInMs: 125 },
    ]);
  });

  it('has one line for an error that ends the call at once: that of its end', async () => {
    const { lines, tell, observe } = setUp();
    tell({ type: 'error', code: 'PATCHCORD_AUDIO_FORMAT', message: 'm', fatal: true });
    tell({ type: 'call.state', from: 'answering', to: 'ended', cause: 'leg-ended' });
    observe(endedEvent('a', 'carrier-failed'));
    await Promise.resolve();
    expect(lines.slice(1)).toMatchObject([
      { level: 'info', message: 'call state' },
      {
        level: 'error',
        message: 'call ended',
        reason: 'carrier-failed',
        code: 'PATCHCORD_AUDIO_FORMAT',
        error: 'm',
      },
    ]);
    expect(lines.at(-1)).toHaveProperty('carrierCallId');
  });

  it('has one line where caller audio begins to be lost and one with the total, not one per frame', () => {
    const { lines, tell, observe } = setUp();
    const lose = (frames: number) => {
      for (let frame = 0; frame < frames; frame += 1) tell({ type: 'caller-audio.lost', lostMs: 20 });
    };
    lose(50);
    tell({ type: 'model.state', from: 'resuming', to: 'ready', cause: 'ready' });
    lose(10);
    observe(endedEvent('a', 'caller-hung-up'));
    lose(1);
    expect(lines.slice(1)).toMatchObject([
      { level: 'warn', message: 'caller audio lost', lostMs: 20 },
      { level: 'warn', message: 'caller audio is heard again', carrier: 'twilio', lostMs: 1000 },
      { message: 'model state' },
      { level: 'warn', message: 'caller audio lost', lostMs: 20 },
      { message: 'call ended', lostCallerAudioMs: expect.any(Number) },
      { message: 'caller audio lost' },
    ]);
  });

  it('never holds what people say, which keys they press, or their numbers', () => {
    const { lines, tell, observe } = setUp();
    tell({ type: 'turn.started', turn: spoken });
    tell({ type: 'turn.updated', turn: spoken });
    tell({ type: 'turn.ended', turn: spoken });
    tell({ type: 'digit', digit: '7' });
    observe(endedEvent('a', 'caller-hung-up', { turns: [spoken] }));
    const text = JSON.stringify(lines);
    for (const said of ['account', '4711', '"7"', '+15551230100', '+15551230101'])
      expect(text).not.toContain(said);
    expect(lines.map((line) => line.message)).toEqual(['call started', 'turn ended', 'digit', 'call ended']);
    expect(lines[1]).toMatchObject({ heardMs: 640, generatedMs: 900, cut: 'caller-spoke' });
  });

  it('holds what people say where that is switched on', () => {
    const { lines, tell } = setUp(true);
    tell({ type: 'turn.ended', turn: spoken });
    tell({ type: 'digit', digit: '7' });
    expect(lines.slice(1)).toMatchObject([
      { text: 'Your account is 4711', heardText: 'Your account' },
      { digit: '7' },
    ]);
  });
});
