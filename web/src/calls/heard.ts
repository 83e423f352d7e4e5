import type { Turn } from '../../../src/call/turn.ts';

/** What of a turn was heard, and what was not. */
export interface HeardSplit {
  readonly heard: string;
  /** Generated after the point up to which the caller heard; '' where nothing is missing. */
  readonly rest: string;
  /** `cut`: the rest will never be heard; `coming`: it is still on its way; `whole`: there is no rest. */
  readonly state: 'whole' | 'coming' | 'cut';
}

/**
 * The words of a turn as the caller heard them. A caller's own turn is always whole.
 * @param playedMs how long the turn has been sounding. While it goes on, the gateway tells what was generated and not
 *   yet what was heard, so its words are spread over that time; its end says what was heard in truth.
 */
export function splitHeard(turn: Turn, playedMs = 0): HeardSplit {
  if (turn.role === 'caller') return { heard: turn.text, rest: '', state: 'whole' };
  if (turn.cut === undefined && turn.ended) return { heard: turn.text, rest: '', state: 'whole' };
  const told = heardLength(turn.text, turn.heardText);
  const at = turn.ended ? told : Math.max(told, playedLength(turn, playedMs));
  const rest = turn.text.slice(at);
  if (rest.trim() === '') return { heard: turn.text, rest: '', state: 'whole' };
  return { heard: turn.text.slice(0, at), rest, state: turn.cut === undefined ? 'coming' : 'cut' };
}

/** Whole words alone, and never the last one: that is heard when the turn's end says so. */
function playedLength({ text, generatedMs }: Turn, playedMs: number): number {
  if (generatedMs <= 0 || playedMs <= 0) return 0;
  const characters = Math.min(1, playedMs / generatedMs) * text.trimEnd().length;
  return Math.max(
    0,
    text
      .trimEnd()
      .slice(0, characters)
      .search(/\s+\S*$/),
  );
}

/** Where in `text` the words of `heard` end; white space may differ, and a word that differs is not heard. */
function heardLength(text: string, heard: string): number {
  if (text.startsWith(heard)) return heard.length;
  const words = heard.split(/\s+/).filter((word) => word !== '');
  let at = 0;
  for (const word of words) {
    const start = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
    if (!text.startsWith(word, start)) break;
    at = start + word.length;
  }
  return at;
}
