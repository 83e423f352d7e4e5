import { describe, expect, it } from 'vitest';
import { type AudioFormat, bytesPerMs, pcm16At, pcmu8k } from '../../audio/format.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { NetworkConditions, type NetworkOptions } from '../network.ts';
import { Caller, type CallerStep } from './caller.ts';
import { generateSpeech, silenceFrame } from './caller-audio.ts';
import { PhoneLine } from './line.ts';
import type { LineWire } from './line-wire.ts';

interface Sent {
  readonly atMs: number;
  readonly frame: string | Buffer;
}

/** A carrier that says everything in one word. */
function wireOf(traits: Partial<LineWire> = {}): LineWire {
  return {
    speaks: pcmu8k,
    hears: pcmu8k,
    opening: () => ['hello'],
    audio: (frame) => frame,
    digit: (digit) => `digit ${digit}`,
    acknowledge: (what) => (what.type === 'mark' ? `mark ${what.name}` : what.type),
    closing: (by) => [`bye from ${by}`],
    read: (data) => {
      if (typeof data !== 'string') return [{ do: 'play', audio: data }];
      const [word = '', name = ''] = data.split(' ');
      switch (word) {
        case 'mark':
          return [{ do: 'mark', name }];
        case 'digits':
          return [{ do: 'digits', digits: name }];
        case 'ping':
          return [{ do: 'answer', frame: 'pong' }];
        case 'clear':
        case 'ready':
        case 'hang-up':
        case 'goodbye':
          return [{ do: word }];
        default:
          return [{ do: 'violation', kind: word, detail: '', fatal: word === 'fatal' }];
      }
    },
    ...traits,
  };
}

function newLine(traits: Partial<LineWire> = {}, steps: CallerStep[] = [], network: NetworkOptions = {}) {
  const clock = new VirtualClock();
  const sent: Sent[] = [];
  const ends: string[] = [];
  let listener: (frame: string | Buffer) => void = () => undefined;
  const line = new PhoneLine({
    clock,
    wire: wireOf(traits),
    transport: {
      send: (frame) => {
        sent.push({ atMs: clock.now(), frame });
        listener(frame);
      },
      close: () => ends.push(`${clock.now()} close`),
      destroy: () => ends.push(`${clock.now()} destroy`),
    },
    caller: new Caller({ steps }),
    network: new NetworkConditions(clock, network),
    ended: (record) => ends.push(`${clock.now()} ended by ${record.endedBy}`),
  });
  const said = () =>
    sent.flatMap(({ atMs, frame }) => (typeof frame === 'string' ? [`${atMs} ${frame}`] : []));
  const hear = (ms: number, value = 1, format: AudioFormat = pcmu8k) =>
    line.receive(Buffer.alloc(ms * bytesPerMs(format), value), true);
  const onSend = (next: typeof listener) => {
    listener = next;
  };
  return { clock, sent, said, ends, line, hear, onSend, say: (word: string) => line.receive(word, false) };
}

describe('PhoneLine', () => {
  it('sends the caller in the format of the carrier, 20 ms at a time', () => {
    const wideband = pcm16At(16_000);
    const speech = generateSpeech(40);
    const { clock, sent, line } = newLine({ speaks: wideband }, [{ do: 'speak', audio: speech, atMs: 40 }]);
    line.start();
    clock.advance(80);
    expect(sent).toEqual([
      { atMs: 0, frame: 'hello' },
      { atMs: 20, frame: silenceFrame(wideband) },
      { atMs: 40, frame: speech.framesIn(wideband)[0] },
      { atMs: 60, frame: speech.framesIn(wideband)[1] },
      { atMs: 80, frame: silenceFrame(wideband) },
    ]);
  });

  it('numbers frames by their deadlines, also where a wire gathers them', () => {
    const { clock, sent, line } = newLine({
      audio: (_frame, slot) => (slot % 5 === 0 ? `to ${slot}` : undefined),
    });
    line.start();
    clock.advance(220);
    expect(sent.map(({ atMs, frame }) => [atMs, frame])).toEqual([
      [0, 'hello'],
      [100, 'to 5'],
      [200, 'to 10'],
    ]);
    expect(line.record.framesSent).toBe(11);
  });

  it('waits for the gateway where the carrier does so', () => {
    const { clock, sent, said, line, say } = newLine({ awaitsGateway: true }, [
      { do: 'digits', digits: '1', atMs: 100 },
    ]);
    line.start();
    clock.advance(500);
    expect(said()).toEqual(['0 hello']);
    say('ready');
    say('ready');
    clock.advance(100);
    expect(sent).toHaveLength(7);
    expect(said()).toEqual(['0 hello', '600 digit 1']);
  });

  it('tells start and end of its playing, marks and clears, each a network later', () => {
    const { clock, said, line, hear, say } = newLine({}, [], { marks: { delayMs: 30 } });
    line.start();
    hear(100);
    say('mark m');
    clock.advance(500);
    hear(100);
    clock.advance(50);
    say('clear');
    clock.advance(500);
    expect(said()).toEqual([
      '0 hello',
      '30 started',
      '130 completed',
      '130 mark m',
      '530 started',
      '580 cleared',
    ]);
  });

  it('brings marks back at a clear, or drops them, as its wire says', () => {
    for (const marksOnClear of ['returned', 'dropped'] as const) {
      const { said, line, hear, say } = newLine({ marksOnClear });
      line.start();
      hear(100);
      say('mark m');
      say('clear');
      expect(said().includes('0 mark m')).toBe(marksOnClear === 'returned');
    }
  });

  it('answers by itself, writes down keys, and sends what its owner says', () => {
    const { said, line, say } = newLine();
    line.start();
    say('ping');
    say('digits 12');
    say('digits #');
    line.send('note');
    expect(said()).toEqual(['0 hello', '0 pong', '0 note']);
    expect(line.record.digitsReceived).toBe('12#');
  });

  it('hangs up for the gateway with its last words', () => {
    const { clock, said, ends, line, say } = newLine();
    line.start();
    clock.advance(10);
    say('hang-up');
    expect(said()).toEqual(['0 hello', '10 bye from gateway']);
    expect(ends).toEqual(['10 close', '10 ended by gateway']);
    expect(clock.pending).toBe(0);
  });

  it('waits for the goodbye where the carrier does so, but not for ever', () => {
    const polite = newLine({ awaitsGoodbye: true });
    polite.line.start();
    polite.line.stop('caller');
    polite.clock.advance(100);
    expect(polite.ends).toEqual([]);
    polite.say('goodbye');
    expect(polite.ends).toEqual(['100 close', '100 ended by caller']);
    expect(polite.line.record.violations).toEqual([]);

    const rude = newLine({ awaitsGoodbye: true });
    rude.line.start();
    rude.say('goodbye');
    rude.line.stop('caller');
    rude.clock.advance(6000);
    expect(rude.ends).toEqual(['5000 close', '5000 ended by caller']);
    expect(rude.line.record.violations.map(({ kind }) => kind)).toEqual(['goodbye-unasked', 'no-goodbye']);
    expect(rude.clock.pending).toBe(0);
  });

  it('waits no longer for a goodbye that comes while the last words are said', () => {
    const { clock, ends, line, say, onSend } = newLine({ awaitsGoodbye: true });
    onSend((frame) => {
      if (frame === 'bye from caller') say('goodbye');
    });
    line.start();
    line.stop('caller');
    expect(ends).toEqual(['0 close', '0 ended by caller']);
    expect(clock.pending).toBe(0);
  });

  it('ends by whoever hung up when the gateway closes before its goodbye', () => {
    const { ends, line } = newLine({ awaitsGoodbye: true });
    line.start();
    line.stop('caller');
    line.closed(1000);
    expect(ends).toEqual(['0 ended by caller']);
    expect(line.record.closeCode).toBe(1000);
  });

  it('breaks the connection at what its carrier does not forgive', () => {
    const { ends, line, say } = newLine();
    line.start();
    say('odd');
    say('fatal');
    say('later');
    expect(ends).toEqual(['0 destroy', '0 ended by carrier']);
    expect(line.record.violations.map(({ kind }) => kind)).toEqual(['odd', 'fatal']);
  });

  describe('where the gateway fills silence', () => {
    const format = pcm16At(8000);
    const traits = { speaks: format, hears: format, fillsSilence: true };

    /** Frames of 20 ms in real time. */
    function stream(it: ReturnType<typeof newLine>, ms: number, value: number): void {
      for (let at = 0; at < ms; at += 20) {
        it.hear(20, value, format);
        it.clock.advance(20);
      }
    }

    it('takes what is not silence for the agent, and answers when it has fallen silent', () => {
      const speak: CallerStep = {
        do: 'speak',
        audio: generateSpeech(100),
        after: 'agent-finished',
        delayMs: 400,
      };
      const it = newLine(traits, [speak]);
      it.line.start();
      stream(it, 200, 0);
      stream(it, 600, 0x20);
      stream(it, 1000, 0);
      stream(it, 100, 0x20);
      const { firstAudioAtMs, speeches, clears } = it.line.record;
      expect(firstAudioAtMs).toBe(200);
      expect(speeches).toMatchObject([
        { startedAtMs: 1200, endedAtMs: 1300, overAgent: false, replyAtMs: 1800 },
      ]);
      expect(clears).toEqual([]);
    });

    it('sees a barge-in obeyed when the voice falls silent', () => {
      const speak: CallerStep = {
        do: 'speak',
        audio: generateSpeech(600),
        after: 'agent-started',
        delayMs: 300,
      };
      const it = newLine(traits, [speak]);
      it.line.start();
      stream(it, 100, 0);
      stream(it, 260, 0x20);
      // A pause for breath.
      stream(it, 140, 0);
      stream(it, 100, 0x20);
      stream(it, 800, 0);
      stream(it, 100, 0x20);
      const { clears, speeches } = it.line.record;
      expect(clears).toEqual([{ atMs: 600, stretchMs: 500, playedMs: 500, droppedMs: 0, marks: [] }]);
      expect(speeches).toMatchObject([
        { startedAtMs: 400, overAgent: true, clearedAtMs: 600, replyAtMs: 1400 },
      ]);
    });
  });

  describe('where the gateway clears nothing and sends nothing in pauses', () => {
    const format = pcm16At(8000);
    const traits = { speaks: format, hears: format, runsDry: true };
    const speak: CallerStep = {
      do: 'speak',
      audio: generateSpeech(600),
      after: 'agent-started',
      delayMs: 300,
    };

    it('sees a barge-in obeyed when nothing comes any more, whatever pauses the voice makes', () => {
      const { clock, line, hear } = newLine(traits, [speak]);
      line.start();
      hear(40, 0x20, format);
      for (let at = 40; at < 600; at += 20) {
        // A pause of 200 ms within the answer, in the middle of which the caller begins.
        hear(20, at < 200 || at >= 400 ? 0x20 : 0, format);
        clock.advance(20);
      }
      clock.advance(500);
      const { clears, speeches } = line.record;
      expect(clears).toEqual([{ atMs: 600, stretchMs: 600, playedMs: 600, droppedMs: 0, marks: [] }]);
      expect(speeches).toMatchObject([{ startedAtMs: 300, overAgent: true, clearedAtMs: 600 }]);
    });

    it('takes no hole for silence, and no end of an answer that nobody interrupted', () => {
      const { clock, line, hear } = newLine(traits, [{ ...speak, delayMs: 5000 }]);
      line.start();
      hear(100, 0x20, format);
      clock.advance(140);
      hear(100, 0x20, format);
      clock.advance(1000);
      expect(line.record.clears).toEqual([]);
    });
  });
});
