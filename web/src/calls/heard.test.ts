import { describe, expect, it } from 'vitest';
import type { Turn } from '../../../src/call/turn.ts';
import { splitHeard } from './heard.ts';

const turn = (fields: Partial<Turn>): Turn => ({
  turnId: 1,
  role: 'agent',
  startedAtMs: 0,
  text: 'Good morning, how can I help you today?',
  heardText: '',
  heardMs: 0,
  generatedMs: 3000,
  ended: false,
  ...fields,
});

describe('a turn in the transcript', () => {
  it('shows what the caller did not hear apart from what was heard', () => {
    expect(splitHeard(turn({ heardText: 'Good morning, how', cut: 'caller-spoke', ended: true }))).toEqual({
      heard: 'Good morning, how',
      rest: ' can I help you today?',
      state: 'cut',
    });
  });

  it('shows words that are still on their way while the agent speaks', () => {
    expect(splitHeard(turn({ heardText: 'Good ' }))).toEqual({
      heard: 'Good ',
      rest: 'morning, how can I help you today?',
      state: 'coming',
    });
  });

  it('goes on word by word while an answer sounds, and leaves the last word to its end', () => {
    expect(splitHeard(turn({}), 0).heard).toBe('');
    expect(splitHeard(turn({}), 1500)).toEqual({
      heard: 'Good morning, how',
      rest: ' can I help you today?',
      state: 'coming',
    });
    expect(splitHeard(turn({}), 9000).rest).toBe(' today?');
    expect(splitHeard(turn({ generatedMs: 0 }), 1500).heard).toBe('');
  });

  it('believes the gateway and not the clock once the answer is over', () => {
    const cut = turn({ heardText: 'Good', cut: 'caller-spoke', ended: true });
    expect(splitHeard(cut, 1500).heard).toBe('Good');
  });

  it('is whole when it was heard to its end', () => {
    expect(splitHeard(turn({ heardText: 'Good morning,', ended: true })).state).toBe('whole');
    expect(splitHeard(turn({ heardText: turn({}).text, cut: 'digit', ended: true })).state).toBe('whole');
  });

  it('strikes out all of an answer of which nothing was heard', () => {
    expect(splitHeard(turn({ cut: 'operator', ended: true }))).toEqual({
      heard: '',
      rest: turn({}).text,
      state: 'cut',
    });
  });

  it('finds the cut though white space differs, and never counts half a word', () => {
    const cut = { cut: 'caller-spoke', ended: true } as const;
    expect(splitHeard(turn({ ...cut, text: 'Good  morning,\nall', heardText: 'Good morning,' })).rest).toBe(
      '\nall',
    );
    expect(splitHeard(turn({ ...cut, heardText: 'Good evening,' })).heard).toBe('Good');
  });

  it("never strikes out the caller's own words", () => {
    expect(splitHeard(turn({ role: 'caller', heardText: '' })).state).toBe('whole');
  });
});
