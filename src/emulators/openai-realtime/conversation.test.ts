import { describe, expect, it } from 'vitest';
import { pcm16At, pcmu8k } from '../../audio/format.ts';
import { Conversation, type Entry, withAudio } from './conversation.ts';
import type { Item } from './events.ts';
import { EventProblem } from './shape.ts';

function answer(id: string): Item & { id: string } {
  return {
    id,
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_audio', transcript: 'Hello there.' }],
  };
}

function spoken(conversation: Conversation, id: string, ms: number): Entry {
  const entry = conversation.add(answer(id), pcmu8k);
  entry.audioBytes = ms * 8;
  return entry;
}

function problemOf(action: () => unknown): EventProblem {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof EventProblem) return thrown;
  }
  throw new Error('no problem was found');
}

describe('Conversation', () => {
  it('takes a truncation up to the exact length and not a millisecond more', () => {
    const conversation = new Conversation();
    spoken(conversation, 'item_a', 1240);
    expect(problemOf(() => conversation.truncate('item_a', 0, 1241))).toMatchObject({
      code: 'invalid_value',
      message: 'Audio content of 1240ms is already shorter than 1241ms',
    });
    expect(conversation.truncate('item_a', 0, 1240).truncatedMs).toBe(1240);
  });

  it('counts whole milliseconds in pcm16 too', () => {
    const conversation = new Conversation();
    const entry = conversation.add(answer('item_a'), pcm16At(24_000));
    entry.audioBytes = 48 * 100 + 47;
    expect(problemOf(() => conversation.truncate('item_a', 0, 101)).code).toBe('invalid_value');
    expect(conversation.truncate('item_a', 0, 100).truncatedMs).toBe(100);
  });

  it('takes the transcript away and remembers the shorter length', () => {
    const conversation = new Conversation();
    const entry = spoken(conversation, 'item_a', 2000);
    conversation.keepAudio(entry, Buffer.alloc(16_000, 1));
    conversation.truncate('item_a', 0, 500);
    expect(entry.item).toMatchObject({ content: [{ type: 'output_audio' }] });
    expect(JSON.stringify(entry.item)).not.toContain('Hello');
    expect(problemOf(() => conversation.truncate('item_a', 0, 501)).message).toContain(
      '500ms is already shorter',
    );
    const shown = withAudio(entry) as { content: { audio: string }[] };
    expect(Buffer.from(shown.content[0]?.audio ?? '', 'base64')).toHaveLength(4000);
  });

  it('refuses to truncate what is no model audio, or not there', () => {
    const conversation = new Conversation();
    conversation.add(
      { id: 'u', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      pcmu8k,
    );
    spoken(conversation, 'item_empty', 0);
    expect(problemOf(() => conversation.truncate('u', 0, 0)).code).toBe('unsupported_content_type');
    expect(problemOf(() => conversation.truncate('item_empty', 0, 0)).message).toBe(
      'Only model output audio messages can be truncated',
    );
    expect(problemOf(() => conversation.truncate('nowhere', 0, 0)).code).toBe(
      'item_truncate_invalid_item_id',
    );
  });

  it('puts items at the root, after another, or at the end', () => {
    const conversation = new Conversation();
    spoken(conversation, 'b', 1);
    spoken(conversation, 'd', 1);
    conversation.add(answer('a'), pcmu8k, 'root');
    conversation.add(answer('c'), pcmu8k, 'b');
    expect(conversation.entries.map((entry) => entry.item.id)).toEqual(['a', 'b', 'c', 'd']);
    expect(conversation.previousOf('a')).toBeNull();
    expect(problemOf(() => conversation.add(answer('x'), pcmu8k, 'nowhere')).param).toBe('previous_item_id');
    expect(problemOf(() => conversation.add(answer('a'), pcmu8k)).param).toBe('item.id');
  });

  it('forgets a deleted item but keeps it in the ledger', () => {
    const conversation = new Conversation();
    spoken(conversation, 'a', 100);
    conversation.delete('a');
    expect(conversation.has('a')).toBe(false);
    expect(conversation.history[0]).toMatchObject({ deleted: true, audioBytes: 800 });
    expect(problemOf(() => conversation.delete('a')).code).toBe('item_delete_invalid_item_id');
  });
});
