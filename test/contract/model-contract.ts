import { describe, expect } from 'vitest';
import { pcm16At } from '../../src/audio/format.ts';
import type { AudioItem } from '../../src/call/model-session.ts';
import { type Dialogue, dialogue } from './dialogue.ts';
import type { ModelDriver } from './model-driver.ts';
import { modelTroubles } from './model-troubles.ts';
import { hush, says, speech, turn } from './sounds.ts';

/**
 * What every speech model owes a call, over a real socket. A family joins with a driver of its own and one line:
 * `modelContract('openai-realtime', openAiRealtimeDriver())`.
 */
export function modelContract<Faults>(name: string, driver: ModelDriver<Faults>): void {
  describe.concurrent(`a session with ${name}`, () => {
    formats(driver);
    turns(driver);
    interruptions(driver);
    rest(driver);
    modelTroubles(driver);
  });
}

const done = (dialogue: Dialogue, count: number) => () => dialogue.told('responseDone').length === count;

function item(dialogue: Dialogue, index: number): AudioItem {
  const itemId = dialogue.items()[index] ?? '';
  const responseIds = dialogue.told('responseStarted').map(([responseId]) => String(responseId));
  return { responseId: responseIds[index] ?? responseIds.at(-1) ?? '', itemId, contentIndex: 0 };
}

function formats<Faults>(driver: ModelDriver<Faults>): void {
  for (const format of driver.traits.native) {
    dialogue(
      `passes ${format.encoding} at ${format.sampleRate} Hz through untouched, both ways`,
      driver,
      { script: [says({ ms: 500, seed: 1 })], session: { prefers: { receives: format, sends: format } } },
      async (it) => {
        expect(it.session.receives).toEqual(format);
        expect(it.session.sends).toEqual(format);
        const words = turn(format, 300);
        it.say(words);
        await it.until('the answer', done(it, 1));
        expect(it.server.callerAudio().equals(words)).toBe(true);
        expect(it.heard().equals(it.server.agentAudio())).toBe(true);
        expect(it.heard().length).toBe((500 * words.length) / 620);
      },
    );
  }

  dialogue(
    'takes its own format where the wish is none of its formats',
    driver,
    { session: { prefers: { receives: pcm16At(16_000), sends: pcm16At(16_000) } } },
    async ({ session }) => {
      expect(session.receives).toEqual(driver.traits.fallback);
      expect(session.sends).toEqual(driver.traits.fallback);
    },
  );
}

function turns<Faults>(driver: ModelDriver<Faults>): void {
  dialogue(
    'tells a turn and its answer in order',
    driver,
    { script: [says({ ms: 400, seed: 2, words: 'one two three four' })] },
    async (it) => {
      it.say(turn(it.format, 300));
      await it.until('the answer', done(it, 1));
      await it.until('the words of the caller', () =>
        it.told('callerText').some(([, , final]) => final === true),
      );
      expect(it.story()).toEqual([
        'ready',
        'speechStarted',
        'speechStopped',
        'responseStarted',
        'audio',
        'audioDone',
        'responseDone',
      ]);
      expect(it.told('callerText').at(-1)?.[1]).toBe('words of the caller');
      expect(
        it
          .told('agentText')
          .map(([, delta]) => delta)
          .join(''),
      ).toBe('one two three four');
      // The words come beside the audio, not after it.
      expect(it.told('agentText').length).toBeGreaterThan(1);
      const [responseId] = it.told('responseStarted')[0] ?? [];
      expect(it.told('responseDone')[0]?.[0]).toMatchObject({ responseId, status: 'completed' });
    },
  );

  dialogue('says what an answer used', driver, { script: [says({ ms: 1000, seed: 3 })] }, async (it) => {
    it.say(turn(it.format, 300));
    await it.until('the answer', done(it, 1));
    const [{ usage }] = it.told('responseDone')[0] as [{ usage: Record<string, number> }];
    expect(usage.outputAudioTokens).toBeGreaterThan(0);
    expect(usage.inputAudioTokens).toBeGreaterThan(0);
  });

  dialogue(
    'answers when asked, under the id of the request and with its instructions',
    driver,
    { script: [says({ ms: 100, seed: 4 }), says({ ms: 100, seed: 5 })] },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1', instructions: 'Say good evening.' });
      await it.until('the first answer', done(it, 1));
      it.session.requestResponse({ requestId: 'q2' });
      await it.until('the second answer', done(it, 2));
      const ids = it.told('responseStarted').map(([, requestId]) => requestId);
      if (driver.traits.echoesRequests) expect(ids).toEqual(['q1', 'q2']);
      expect(it.server.requests()).toEqual([
        { instructions: 'Say good evening.' },
        { instructions: undefined },
      ]);
    },
  );

  dialogue(
    'runs a tool and back',
    driver,
    {
      script: [
        says({ tool: 'first', args: '{"a":1}', callId: 'call_a' }, { tool: 'second', callId: 'call_b' }),
        says({ ms: 100, seed: 6 }),
      ],
      session: { tools: [{ name: 'first', description: 'A tool.', parameters: { type: 'object' } }] },
    },
    async (it) => {
      it.say(turn(it.format, 300));
      await it.until('the calls', done(it, 1));
      const [responseId] = it.told('responseStarted')[0] ?? [];
      expect(it.told('toolCall').map(([call]) => call)).toEqual([
        { responseId, toolCallId: 'call_a', name: 'first', arguments: '{"a":1}' },
        { responseId, toolCallId: 'call_b', name: 'second', arguments: '{}' },
      ]);
      it.session.toolResult('call_a', 'one');
      it.session.toolResult('call_b', 'two');
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('the answer', done(it, 2));
      expect(it.server.toolResults()).toEqual([
        { toolCallId: 'call_a', output: 'one' },
        { toolCallId: 'call_b', output: 'two' },
      ]);
    },
  );

  dialogue('takes text from the caller and from the house', driver, {}, async (it) => {
    it.session.addText('caller', 'The caller pressed 5.');
    it.session.addText('system', 'It is raining.');
    await it.until('both texts', () => it.server.texts().length === 2);
    expect(it.server.texts()).toEqual([
      { role: 'user', text: 'The caller pressed 5.' },
      { role: 'system', text: 'It is raining.' },
    ]);
  });

  dialogue(
    'is told what was said and heard before',
    driver,
    {
      session: {
        history: () => [
          { role: 'agent', text: 'Good evening.' },
          { role: 'caller', text: 'I have a question.' },
          { role: 'agent', text: '' },
        ],
      },
    },
    async (it) => {
      await it.until('the history', () => it.server.texts().length === 2);
      expect(it.server.texts()).toEqual([
        { role: 'assistant', text: 'Good evening.' },
        { role: 'user', text: 'I have a question.' },
      ]);
      expect(it.server.requests()).toEqual([]);
    },
  );
}

function interruptions<Faults>(driver: ModelDriver<Faults>): void {
  dialogue(
    'trims its memory to what was heard, and forgets what was not',
    driver,
    { script: [says({ ms: 1000, seed: 7 }, { ms: 500, seed: 8 })] },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('the answer', done(it, 1));
      const [first, second] = [item(it, 0), item(it, 1)];
      it.session.interrupt({
        items: [
          { ...first, heardMs: 640, generatedMs: 1000 },
          { ...second, heardMs: 0, generatedMs: 500 },
        ],
      });
      await it.until('the memory trimmed', () => it.server.remembers(second.itemId) === 'nothing');
      expect(it.server.remembers(first.itemId)).toBe(640);
    },
  );

  dialogue(
    'is never told of more than it generated',
    driver,
    { script: [says({ ms: 300, seed: 9 })] },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('the answer', done(it, 1));
      it.session.interrupt({ items: [{ ...item(it, 0), heardMs: 900, generatedMs: 300 }] });
      const { itemId } = item(it, 0);
      await it.until('the memory trimmed', () => it.server.remembers(itemId) !== 'all');
      expect(it.server.remembers(itemId)).toBeLessThanOrEqual(300);
    },
  );

  dialogue(
    'stops generating when told, and nothing of it comes afterwards',
    driver,
    {
      speed: 1.5,
      faults: driver.lateAudio,
      script: [says({ ms: 5000, seed: 10 }), says({ ms: 100, seed: 11 })],
    },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('some audio', () => it.told('audio').length >= 2);
      const { responseId, itemId } = item(it, 0);
      const heard = it.heard().length;
      it.session.interrupt({
        cancel: responseId,
        items: [{ ...item(it, 0), heardMs: 100, generatedMs: 200 }],
      });
      await it.until('its end', done(it, 1));
      expect(it.told('responseDone')[0]?.[0]).toMatchObject({ responseId, status: 'cancelled' });
      await it.until('the memory trimmed', () => it.server.remembers(itemId) === 100);
      it.session.requestResponse({ requestId: 'q2' });
      await it.until('the next answer', done(it, 2));
      expect(
        it
          .heard()
          .subarray(heard)
          .equals(it.server.agentAudio(it.items().at(-1))),
      ).toBe(true);
      expect(it.server.agentAudio(itemId).length).toBeGreaterThan(heard);
    },
  );

  dialogue(
    'takes back a response that was asked for before it has a name',
    driver,
    { latencyMs: 100, script: [says({ ms: 900, seed: 12 }), says({ ms: 100, seed: 13 })] },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      it.session.interrupt({ cancel: 'requested', items: [] });
      await it.until('its end', done(it, 1));
      expect(it.told('responseDone')[0]?.[0]).toMatchObject({ status: 'cancelled' });
      expect(it.heard()).toHaveLength(0);
      it.session.requestResponse({ requestId: 'q2' });
      await it.until('the next answer', done(it, 2));
      expect(it.server.endings()).toEqual(['cancelled', 'completed']);
    },
  );

  dialogue(
    'stops by itself when the caller speaks',
    driver,
    { speed: 1.5, script: [says({ ms: 5000, seed: 14 })] },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('some audio', () => it.told('audio').length >= 2);
      it.say(speech(it.format, 300));
      await it.until('the caller heard', () => it.told('speechStarted').length === 1);
      await it.until('its end', done(it, 1));
      expect(it.session.capabilities.cancelsOnSpeech).toBe(true);
      expect(it.told('responseDone')[0]?.[0]).toMatchObject({ status: 'cancelled' });
    },
  );

  dialogue(
    'neither stops nor answers for the caller while its opening is protected',
    driver,
    {
      speed: 4,
      script: [says({ ms: 1200, seed: 15 }), says({ ms: 100, seed: 16 })],
      session: { protectOpening: true },
    },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('some audio', () => it.told('audio').length >= 2);
      it.say(turn(it.format, 300));
      await it.until('the turn over', () => it.told('speechStopped').length === 1);
      await it.until('the whole opening', done(it, 1));
      expect(it.told('responseDone')[0]?.[0]).toMatchObject({ status: 'completed' });
      expect(it.told('responseStarted')).toHaveLength(1);
      it.session.protect(false);
      it.say(Buffer.concat([hush(it.format, 100), turn(it.format, 300, 2)]));
      await it.until('an answer', done(it, 2));
      expect(it.told('responseStarted')).toHaveLength(2);
      it.session.protect(true);
      it.say(turn(it.format, 300, 3));
      await it.until('the third turn over', () => it.told('speechStopped').length === 3);
      it.session.requestResponse({ requestId: 'q2' });
      await it.until('the answer that was asked for', done(it, 3));
      expect(it.server.endings()).toHaveLength(3);
    },
  );
}

function rest<Faults>(driver: ModelDriver<Faults>): void {
  dialogue(
    'says a minute before that the session will end',
    driver,
    { endsInAMinuteAndMs: 1200 },
    async (it) => {
      await it.until('the warning', () => it.told('goingAway').length === 1);
      expect(it.told('goingAway')[0]?.[0]).toBe(60_000);
    },
  );

  dialogue(
    'does nothing after it was closed, and tells nothing',
    driver,
    { script: [says({ ms: 2000, seed: 17 })], speed: 2 },
    async (it) => {
      it.session.requestResponse({ requestId: 'q1' });
      await it.until('some audio', () => it.told('audio').length >= 1);
      it.session.close();
      const before = it.call.told.length;
      it.session.addText('caller', 'too late');
      it.session.requestResponse({ requestId: 'q2' });
      it.session.interrupt({ items: [], cancel: 'requested' });
      it.say(turn(it.format, 100));
      it.session.close();
      await it.until('no session left at the server', () => it.server.liveSessions === 0);
      expect(it.call.told.length).toBe(before);
      expect(it.server.texts()).toEqual([]);
      expect(it.server.callerAudio()).toHaveLength(0);
    },
  );

  dialogue(
    'can be closed before it is ready',
    driver,
    {},
    async (it) => {
      it.session.close();
      await it.until('no session left at the server', () => it.server.liveSessions === 0);
      expect(it.call.told).toEqual([]);
    },
    false,
  );
}
