import { describe, expect, it } from 'vitest';
import { levelDbfs } from '../../../audio/level.ts';
import { silence, sine } from '../../../audio/tones.ts';
import type { Item } from '../events.ts';
import type { CallerTurn, ResponseContext, ResponsePlan } from './behaviour.ts';
import { demoBehaviour } from './demo.ts';
import { demoPhrases } from './demo-phrases.ts';

const demo = demoBehaviour();

function ask(context: Partial<ResponseContext>): ResponsePlan {
  return demo.respond({
    number: 2,
    trigger: 'client',
    turn: undefined,
    fresh: [],
    instructions: '',
    requestInstructions: undefined,
    tools: [],
    toolChoice: 'auto',
    modality: 'audio',
    outputSampleRate: 8000,
    ...context,
  });
}

function spoken(plan: ResponsePlan): string {
  return plan.parts.map((part) => (part.type === 'speech' ? part.transcript : part.type)).join(' | ');
}

const told = (text: string, role: 'user' | 'system' = 'user'): Item =>
  ({ id: 'item_1', type: 'message', role, content: [{ type: 'input_text', text }] }) as Item;

const endCall = { type: 'function', name: 'end_call' } as const;

describe('the demo voice', () => {
  it('greets first, at a pleasant level', () => {
    const plan = ask({ number: 1 });
    expect(spoken(plan)).toBe(demoPhrases.greeting);
    const [part] = plan.parts;
    if (part?.type !== 'speech') throw new Error('it does not speak');
    expect(part.samples.length / part.sampleRate).toBeGreaterThan(4);
    expect(levelDbfs(part.samples)).toBeGreaterThan(-26);
    expect(levelDbfs(part.samples)).toBeLessThan(-12);
  });

  it("plays the caller's own words back, without the silence after them", () => {
    const words = new Int16Array([...sine(300, 1000, 8000, -30), ...silence(500, 8000)]);
    const turn: CallerTurn = {
      itemId: 'item_1',
      durationMs: 1500,
      voiceEndMs: 1000,
      sampleRate: 8000,
      samples: () => words,
    };
    const [part] = ask({ turn, trigger: 'turn' }).parts;
    const [intro] = ask({ fresh: [told('pressed 1')] }).parts;
    if (part?.type !== 'speech' || intro?.type !== 'speech') throw new Error('it does not speak');
    expect(part.transcript).toBe('You said: (1.0 s of your own voice)');
    const echo = part.samples.subarray(part.samples.length - 1.15 * part.sampleRate);
    expect(levelDbfs(echo.subarray(1000, 0.9 * part.sampleRate))).toBeCloseTo(-18, 0);
  });

  it('names the keys that it is told of', () => {
    const cases: readonly [string, string][] = [
      ['The caller pressed 5.', 'You pressed five'],
      ['The caller pressed the key "*" on the keypad.', 'You pressed star'],
      ['DTMF: 1 2 0', 'You pressed one two zero'],
      ['Keypad digits entered by the caller: 42', 'You pressed four two'],
    ];
    for (const [text, transcript] of cases) expect(spoken(ask({ fresh: [told(text)] }))).toBe(transcript);
    expect(spoken(ask({ fresh: [told('The caller pressed 7', 'system')] }))).toBe('You pressed seven');
  });

  it('says goodbye on pound and ends the call where it can', () => {
    const fresh = [told('The caller pressed #')];
    expect(spoken(ask({ fresh }))).toBe(demoPhrases.goodbye);
    expect(spoken(ask({ fresh, tools: [endCall] }))).toBe(`${demoPhrases.goodbye} | call`);
    expect(spoken(ask({ fresh, tools: [endCall], toolChoice: 'none' }))).toBe(demoPhrases.goodbye);
  });

  it('asks again when nobody speaks, and has nothing to say to the result of a tool', () => {
    expect(spoken(ask({ requestInstructions: 'Ask whether the caller is still there.' }))).toBe(
      demoPhrases['still-there'],
    );
    expect(spoken(ask({ requestInstructions: 'Say goodbye; the call ends now.' }))).toBe(demoPhrases.goodbye);
    const output = { id: 'o', type: 'function_call_output', call_id: 'c', output: '{}' } as Item;
    expect(ask({ fresh: [output] }).parts).toEqual([]);
  });
});
