import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import { ready, serverSays as says, type TestSession } from './testing/test-session.ts';

const responseId = fc.constantFrom('r1', 'r2', 'r3', undefined);
const itemId = fc.constantFrom('a1', 'a2', 'a3');
const status = fc.constantFrom('completed', 'cancelled', 'incomplete', 'failed', 'in_progress', undefined);
const metadata = fc.constantFrom(null, { patchcord_request: 'q1' }, { patchcord_request: 7 }, { other: 'x' });
const code = fc.constantFrom(
  'conversation_already_has_active_response',
  'response_cancel_not_active',
  'invalid_value',
  undefined,
);

/** Something that a confused server says. */
const serverEvent: fc.Arbitrary<object> = fc.oneof(
  fc.record({ type: fc.constant('response.created'), response: fc.record({ id: responseId, metadata }) }),
  fc.record({
    type: fc.constant('response.done'),
    response: fc.record({ id: responseId, status, metadata }),
  }),
  fc.tuple(responseId, itemId).map(([response, item]) => says.audio(String(response), item)),
  fc.tuple(itemId).map(([item]) => ({ ...says.audio('', item), response_id: undefined })),
  fc.tuple(responseId, itemId).map(([response, item]) => says.audioDone(String(response), item)),
  fc.tuple(responseId, itemId).map(([response, item]) => says.text(String(response), item, 'word ')),
  itemId.map((item) => says.itemAdded(item)),
  fc.record({
    type: fc.constantFrom('response.output_item.added', 'response.output_item.done'),
    response_id: responseId,
    item: fc.record({ id: itemId, type: fc.constant('function_call'), call_id: itemId, name: itemId }),
  }),
  fc.tuple(code, fc.constantFrom('create-3', 'truncate-4', null)).map(([c, id]) => says.error(c ?? '', id)),
  fc.record({ type: fc.constantFrom('input_audio_buffer.speech_started', 'session.updated', 'x', '') }),
);

type Step = (session: TestSession) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: serverEvent.map(
      (event): Step =>
        ({ socket }) =>
          socket.says(event),
    ),
  },
  fc.constant<Step>(({ session }) => session.requestResponse({ requestId: 'q1' })),
  fc.constant<Step>(({ session }) => session.appendAudio(AudioChunk.fromBytes(Buffer.alloc(20)))),
  fc.tuple(fc.constantFrom('r1', 'r2', 'requested', undefined), itemId, fc.nat(200)).map(
    ([cancel, item, heardMs]): Step =>
      ({ session }) =>
        session.interrupt({
          ...(cancel === undefined ? {} : { cancel }),
          items: [{ responseId: 'r1', itemId: item, contentIndex: 0, heardMs, generatedMs: heardMs + 20 }],
        }),
  ),
);

describe('whatever a server says in whatever order', () => {
  it('a call hears each answer begin once and end once, nothing of one that is over, and nothing after the end', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, official) => {
        const made = ready(official ? {} : { baseUrl: 'http://127.0.0.1:9000/v1' });
        const { call, clock, session, socket } = made;
        for (const next of steps) next(made);
        const live = new Set<unknown>();
        const begun = new Set<unknown>();
        const calls = new Set<string>();
        for (const [name, first] of call.told) {
          if (name === 'responseStarted') {
            expect(begun.has(first)).toBe(false);
            begun.add(first);
            live.add(first);
          } else if (name === 'audio' || name === 'agentText') {
            expect(live.size).toBeGreaterThan(0);
          } else if (name === 'toolCall') {
            const { responseId: of, toolCallId } = first as { responseId: string; toolCallId: string };
            expect(live.has(of)).toBe(true);
            expect(calls.has(`${of} ${toolCallId}`)).toBe(false);
            calls.add(`${of} ${toolCallId}`);
          } else if (name === 'responseDone') {
            const { responseId: of } = first as { responseId?: string };
            if (of !== undefined) expect(live.delete(of)).toBe(true);
          }
        }
        const cancelled = socket.all('response.cancel').map((event) => event.response_id);
        expect(new Set(cancelled).size).toBe(cancelled.length);
        for (const truncation of socket.all('conversation.item.truncate')) {
          expect(Number.isInteger(truncation.audio_end_ms)).toBe(true);
        }
        call.take();
        session.close();
        for (const next of steps) next(made);
        clock.advance(1500);
        expect([call.told, clock.pending, socket.terminated]).toEqual([[], 0, true]);
      }),
      { numRuns: 6000 },
    );
  });
});
