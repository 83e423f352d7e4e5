import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../audio/format.ts';
import { type ErrorCode, PatchcordError } from '../base/errors.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type {
  HistoryItem,
  ModelEvents,
  ModelSession,
  SessionOptions,
  SpeechModel,
} from '../call/model-session.ts';
import { fullJitterMs } from './backoff.ts';
import { type ResilientOptions, resilientModel } from './resilient.ts';
import { TestCall, testOptions } from './test-call.ts';

interface Opened {
  readonly options: SessionOptions;
  readonly events: ModelEvents;
  readonly atMs: number;
  readonly did: string[];
  fails(code: ErrorCode, details?: Record<string, unknown>): void;
}

/** A model whose sessions do nothing but remember what they were asked. */
function scripted(clock: VirtualClock): { readonly model: SpeechModel; readonly opened: Opened[] } {
  const opened: Opened[] = [];
  const model: SpeechModel = {
    name: 'scripted',
    open(options, events) {
      const did: string[] = [];
      opened.push({
        options,
        events,
        atMs: clock.now(),
        did,
        fails: (code, details) => events.failed(new PatchcordError(code, undefined, details), true),
      });
      const session: ModelSession = {
        capabilities: {
          truncate: true,
          cancel: true,
          cancelsOnSpeech: true,
          respondsToSpeech: true,
          maxAgeMs: opened.length,
        },
        receives: options.prefers.receives,
        sends: options.prefers.sends,
        truncateMarginMs: 10,
        appendAudio: () => did.push('audio'),
        interrupt: () => did.push('interrupt'),
        addText: (_role, text) => did.push(`text ${text}`),
        toolResult: (id) => did.push(`result ${id}`),
        requestResponse: (request) => did.push(`request ${request.requestId}`),
        protect: (on) => did.push(`protect ${on}`),
        close: () => did.push('close'),
      };
      return session;
    },
  };
  return { model, opened };
}

function start(options: Partial<ResilientOptions> = {}, session: Partial<SessionOptions> = {}) {
  const clock = new VirtualClock();
  const call = new TestCall();
  const { model, opened } = scripted(clock);
  const resilient = resilientModel(model, { clock, random: () => 0.5, ...options });
  const outer = resilient.open(testOptions(session), call);
  const nth = (index: number): Opened => {
    const found = opened[index];
    if (!found) throw new Error(`session ${index} was not opened`);
    return found;
  };
  return { clock, call, opened, outer, nth };
}

describe('opening a session while the phone waits', () => {
  it('shows its formats at once and is ready when the first session is', () => {
    const { call, outer, nth, clock } = start();
    expect([outer.receives, outer.sends, outer.truncateMarginMs]).toEqual([pcmu8k, pcmu8k, 10]);
    nth(0).events.ready();
    expect(call.take()).toEqual([['ready']]);
    expect(clock.pending).toBe(0);
  });

  it('is tried again with growing, jittered pauses', () => {
    const { clock, call, opened, nth } = start();
    for (let attempt = 0; attempt < 4; attempt++) {
      nth(attempt).fails('PATCHCORD_MODEL_UNREACHABLE');
      clock.advance(1000);
    }
    expect(opened.map(({ atMs }) => atMs)).toEqual([0, 125, 1250, 2500, 4000]);
    nth(4).events.ready();
    expect(call.take()).toEqual([
      ...Array(4).fill(['failed', 'PATCHCORD_MODEL_UNREACHABLE', false]),
      ['ready'],
    ]);
    expect(call.errors.map(({ details }) => details.retryInMs)).toEqual([125, 250, 500, 1000]);
  });

  it('waits as long as the server asked with Retry-After', () => {
    const { clock, opened, nth } = start();
    nth(0).fails('PATCHCORD_MODEL_UNREACHABLE', { status: 429, retryAfterMs: 3000 });
    clock.advance(2999);
    expect(opened).toHaveLength(1);
    clock.advance(1);
    expect(opened).toHaveLength(2);
  });

  it('does not wait for a Retry-After beyond the bound', () => {
    const { clock, call, nth } = start();
    nth(0).fails('PATCHCORD_MODEL_UNREACHABLE', { status: 429, retryAfterMs: 10_000 });
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_UNREACHABLE', true]]);
    expect(clock.pending).toBe(0);
  });

  it.each<[ErrorCode, Record<string, unknown>]>([
    ['PATCHCORD_MODEL_AUTH', { status: 401 }],
    ['PATCHCORD_MODEL_REJECTED', { code: 'invalid_value' }],
    ['PATCHCORD_MODEL_UNREACHABLE', { status: 404 }],
    ['PATCHCORD_AUDIO_FORMAT', {}],
  ])('is not tried again after %s %j', (code, details) => {
    const { clock, call, nth } = start();
    nth(0).fails(code, details);
    expect(call.take()).toEqual([['failed', code, true]]);
    expect(clock.pending).toBe(0);
  });

  it('ends at its bound even when an attempt hangs', () => {
    const { clock, call, nth } = start({ connectBoundMs: 4000 });
    clock.advance(4000);
    expect(call.take().at(-1)).toEqual(['failed', 'PATCHCORD_MODEL_UNREACHABLE', true]);
    expect(nth(0).did).toEqual(['close']);
    nth(0).events.ready();
    expect(call.told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('an attempt that hangs', () => {
  it('is followed by others before a new call gives up', () => {
    const { clock, call, opened } = start();
    clock.advance(10_000);
    expect(opened.map(({ atMs }) => atMs)).toEqual([0, 5125, 7812.5, 9812.5]);
    expect(opened.slice(0, -1).map(({ did }) => did)).toEqual([['close'], ['close'], ['close']]);
    const hung = ['failed', 'PATCHCORD_MODEL_TIMEOUT', false];
    expect(call.take()).toEqual([hung, hung, hung, ['failed', 'PATCHCORD_MODEL_UNREACHABLE', true]]);
    expect(call.errors[0]?.details).toMatchObject({ attemptMs: 5000 });
    expect(clock.pending).toBe(0);
  });

  it('is followed by another within the bound of a session that was lost', () => {
    const { clock, call, opened, nth } = start();
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    clock.advance(3000);
    expect(opened.map(({ atMs }) => atMs)).toEqual([0, 0, 2625]);
    nth(2).events.ready();
    expect(call.take().at(-1)).toEqual(['ready']);
    clock.advance(60_000);
    expect(call.told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('a session that no longer answers', () => {
  it('is closed and replaced like one that was lost, once', () => {
    const { clock, call, outer, nth } = start();
    nth(0).events.ready();
    outer.renew?.(new PatchcordError('PATCHCORD_MODEL_TIMEOUT'));
    clock.advance(0);
    expect(nth(0).did).toEqual(['close']);
    nth(1).events.ready();
    expect(call.take()).toEqual([['ready'], ['resuming', 'PATCHCORD_MODEL_TIMEOUT'], ['ready']]);
    outer.renew?.(new PatchcordError('PATCHCORD_MODEL_TIMEOUT'));
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_TIMEOUT', true]]);
  });
});

describe('a session that is to begin anew', () => {
  it('is replaced by one that is told the history as it then stands, and that counts as no loss', () => {
    const history: HistoryItem[] = [{ role: 'caller', text: 'Hello' }];
    const { clock, call, outer, nth } = start({ outages: 1 }, { history: () => history });
    nth(0).events.ready();
    history.pop();
    for (let session = 0; session < 3; session++) {
      outer.restart?.();
      clock.advance(0);
      expect(nth(session).did).toEqual(['close']);
      expect(nth(session + 1).options.history()).toEqual([]);
      nth(session + 1).events.ready();
    }
    expect(call.take().slice(0, 3)).toEqual([['ready'], ['resuming', undefined], ['ready']]);
    nth(3).fails('PATCHCORD_MODEL_LOST');
    clock.advance(0);
    nth(4).events.ready();
    expect(call.take().at(-1)).toEqual(['ready']);
  });

  it('is opened once more where it was being opened, and only once', () => {
    const { clock, call, opened, outer, nth } = start();
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    outer.restart?.();
    outer.restart?.();
    clock.advance(0);
    expect(opened).toHaveLength(2);
    outer.restart?.();
    clock.advance(0);
    expect(opened).toHaveLength(3);
    nth(1).events.ready();
    nth(2).events.ready();
    expect(call.take()).toEqual([['ready'], ['resuming', 'PATCHCORD_MODEL_LOST'], ['ready']]);
  });

  it('fails for good when no other comes up within the bound, and does nothing once it is closed', () => {
    const { clock, call, outer, nth } = start({ resumeBoundMs: 3000 });
    nth(0).events.ready();
    outer.restart?.();
    clock.advance(3000);
    expect(call.take().at(-1)?.slice(0, 2)).toEqual(['failed', 'PATCHCORD_MODEL_UNREACHABLE']);
    outer.restart?.();
    expect(clock.pending).toBe(0);
  });
});

describe('a session that is lost in the call', () => {
  it('is replaced at once by one that knows what was said, and the call hears resuming, then ready', () => {
    const history: HistoryItem[] = [];
    const { clock, call, outer, nth } = start({}, { history: () => history, protectOpening: true });
    nth(0).events.ready();
    outer.protect(false);
    history.push({ role: 'caller', text: 'Hello' });
    nth(0).fails('PATCHCORD_MODEL_LOST');
    expect(call.take()).toEqual([['ready'], ['resuming', 'PATCHCORD_MODEL_LOST']]);
    clock.advance(0);
    expect(nth(1).options.history()).toEqual([{ role: 'caller', text: 'Hello' }]);
    expect(nth(1).options.protectOpening).toBe(false);
    nth(1).events.ready();
    expect(call.take()).toEqual([['ready']]);
    outer.addText('system', 'back');
    expect(nth(1).did).toEqual(['text back']);
  });

  it('keeps quiet whatever the dead one still says', () => {
    const { clock, call, nth } = start();
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    clock.advance(0);
    nth(1).events.ready();
    call.take();
    nth(0).events.responseStarted('r1', undefined);
    nth(0).events.speechStarted('u1');
    nth(0).fails('PATCHCORD_MODEL_AUTH');
    expect(call.told).toEqual([]);
  });

  it('takes nothing while it is being replaced, except that the opening is over', () => {
    const { clock, outer, nth } = start({}, { protectOpening: true });
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    outer.requestResponse({ requestId: 'q1' });
    outer.toolResult('c1', 'x');
    outer.protect(false);
    clock.advance(0);
    nth(1).events.ready();
    expect(nth(0).did).toEqual(['close']);
    expect(nth(1).did).toEqual([]);
    expect(nth(1).options.protectOpening).toBe(false);
  });

  it('fails for good when no other comes up within the bound', () => {
    const { clock, call, opened, nth } = start({ resumeBoundMs: 3000 });
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    call.take();
    clock.advance(0);
    nth(1).fails('PATCHCORD_MODEL_UNREACHABLE');
    clock.advance(2999);
    expect(opened).toHaveLength(4);
    expect(call.take()).toEqual([
      ['failed', 'PATCHCORD_MODEL_UNREACHABLE', false],
      ['failed', 'PATCHCORD_MODEL_TIMEOUT', false],
    ]);
    clock.advance(1);
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_UNREACHABLE', true]]);
    expect(clock.pending).toBe(0);
  });

  it('is replaced once; a second loss soon after ends the call', () => {
    const { clock, call, nth } = start();
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    clock.advance(0);
    nth(1).events.ready();
    clock.advance(59_999);
    call.take();
    nth(1).fails('PATCHCORD_MODEL_LOST');
    expect(call.take()).toEqual([['failed', 'PATCHCORD_MODEL_LOST', true]]);
  });

  it('is replaced again after a minute of good health', () => {
    const { clock, call, nth } = start();
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    clock.advance(0);
    nth(1).events.ready();
    clock.advance(60_000);
    call.take();
    nth(1).fails('PATCHCORD_MODEL_EXPIRED');
    clock.advance(0);
    nth(2).events.ready();
    expect(call.take()).toEqual([['resuming', 'PATCHCORD_MODEL_EXPIRED'], ['ready']]);
  });

  it('is not replaced when the account is the reason', () => {
    const { call, nth, opened } = start();
    nth(0).events.ready();
    nth(0).fails('PATCHCORD_MODEL_AUTH');
    expect(call.take()).toEqual([['ready'], ['failed', 'PATCHCORD_MODEL_AUTH', true]]);
    expect(opened).toHaveLength(1);
  });

  it('ends when its replacement speaks another format', () => {
    const clock = new VirtualClock();
    const call = new TestCall();
    const { model, opened } = scripted(clock);
    const fickle: SpeechModel = {
      name: 'fickle',
      open: (options, events) => ({
        ...model.open(options, events),
        sends: opened.length > 1 ? pcm16At(24_000) : pcmu8k,
      }),
    };
    resilientModel(fickle, { clock }).open(testOptions(), call);
    opened[0]?.events.ready();
    opened[0]?.fails('PATCHCORD_MODEL_LOST');
    clock.advance(0);
    expect(call.take().at(-1)).toEqual(['failed', 'PATCHCORD_AUDIO_FORMAT', true]);
    expect(opened[1]?.did).toEqual(['close']);
  });
});

describe('closing', () => {
  it('ends what is open and what was about to be', () => {
    const { clock, call, outer, opened, nth } = start();
    nth(0).fails('PATCHCORD_MODEL_UNREACHABLE');
    call.take();
    outer.close();
    outer.close();
    clock.advance(60_000);
    expect(opened).toHaveLength(1);
    expect(call.told).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('within the news that the session was lost opens no other', () => {
    const { clock, call, outer, opened, nth } = start();
    nth(0).events.ready();
    call.resuming = () => outer.close();
    nth(0).fails('PATCHCORD_MODEL_LOST');
    clock.advance(60_000);
    expect(opened).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('backoff', () => {
  it('doubles its bound up to the cap and never leaves it', () => {
    const bounds = [0, 1, 2, 3, 4, 1000].map((attempt) =>
      fullJitterMs(attempt, { baseMs: 250, capMs: 2000 }, () => 1),
    );
    expect(bounds).toEqual([250, 500, 1000, 2000, 2000, 2000]);
    expect(fullJitterMs(3, { baseMs: 250, capMs: 2000 }, () => 0)).toBe(0);
  });
});
