import { describe, expect, it } from 'vitest';
import { encodeSamples } from '../../audio/convert.ts';
import { pcm16At } from '../../audio/format.ts';
import { silence, sine } from '../../audio/tones.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Behaviour } from './behaviours/behaviour.ts';
import { echoBehaviour } from './behaviours/echo.ts';
import { toneBehaviour } from './behaviours/tone.ts';
import { EncodedAudio } from './encoded-audio.ts';
import type { ServerEvent } from './events.ts';
import { Ids } from './ids.ts';
import { Session } from './session.ts';

function open(behaviour: Behaviour = toneBehaviour({ durationMs: 4000 })) {
  const clock = new VirtualClock();
  const sent: { at: number; event: ServerEvent }[] = [];
  const closes: { code: number; at: number }[] = [];
  const session = new Session({
    clock,
    log: silentLogger,
    ids: new Ids(),
    encoded: new EncodedAudio(),
    behaviour,
    pace: { latencyMs: 0, deltaMs: 200, speed: 4, transcriptDelayMs: 900 },
    model: 'gpt-realtime',
    type: 'realtime',
    transport: {
      send: (event) => sent.push({ at: clock.now(), event }),
      close: (code) => closes.push({ code, at: clock.now() }),
      drop: () => closes.push({ code: 1006, at: clock.now() }),
    },
    faults: () => ({}),
    transcribe: () => 'words',
  });
  session.open();
  const say = (event: object) => session.receive(JSON.stringify(event));
  const first = (type: string) => sent.find(({ event }) => event.type === type);
  /** Appends 24 kHz audio as it would come from a phone: 20 ms at a time, in virtual time. */
  const hear = (samples: Int16Array) => {
    const bytes = encodeSamples(samples, pcm16At(24_000));
    for (let at = 0; at < bytes.length; at += 960) {
      say({ type: 'input_audio_buffer.append', audio: bytes.toString('base64', at, at + 960) });
      clock.advance(20);
    }
  };
  return { clock, session, sent, closes, say, first, hear };
}

const detection = (turn_detection: object | null) => ({
  type: 'session.update',
  session: { type: 'realtime', audio: { input: { turn_detection } } },
});

describe('a session', () => {
  it('invites a silent caller idle_timeout_ms after the answer has been played', () => {
    const { clock, say, first } = open();
    say(detection({ type: 'server_vad', idle_timeout_ms: 5000 }));
    say({ type: 'response.create' });
    clock.advance(8990);
    expect(first('response.done')?.at).toBe(1000);
    expect(first('input_audio_buffer.timeout_triggered')).toBeUndefined();
    clock.advance(20);
    expect(first('input_audio_buffer.timeout_triggered')?.at).toBe(9000);
    expect(first('input_audio_buffer.committed')?.at).toBe(9000);
  });

  it('does not invite a caller who speaks', () => {
    const { clock, say, first, hear } = open();
    say(detection({ type: 'server_vad', idle_timeout_ms: 5000, create_response: false }));
    say({ type: 'response.create' });
    clock.advance(6000);
    hear(sine(300, 4000, 24_000));
    expect(first('input_audio_buffer.timeout_triggered')).toBeUndefined();
  });

  it('waits longer for an uneager semantic detection', () => {
    const stopped = (eagerness: string): number => {
      const { say, first, hear } = open();
      say(detection({ type: 'semantic_vad', eagerness }));
      hear(sine(300, 500, 24_000));
      hear(silence(1500, 24_000));
      const event = first('input_audio_buffer.speech_stopped')?.event;
      return event?.type === 'input_audio_buffer.speech_stopped' ? event.audio_end_ms : 0;
    };
    expect([stopped('high'), stopped('auto'), stopped('low')]).toEqual([800, 1100, 1700]);
  });

  it('brings the transcript when it is ready, after the answer began', () => {
    const { say, first, hear, sent } = open();
    const audio = { input: { transcription: { model: 'whisper-1' } } };
    say({ type: 'session.update', session: { type: 'realtime', audio } });
    hear(sine(300, 500, 24_000));
    hear(silence(1500, 24_000));
    const committedAt = first('input_audio_buffer.committed')?.at ?? 0;
    expect(first('response.output_audio.delta')?.at).toBe(committedAt);
    expect(first('conversation.item.input_audio_transcription.completed')?.at).toBe(committedAt + 900);
    expect(sent.map(({ event }) => event.type)).not.toContain('error');
  });

  it('counts milliseconds over a change of format', () => {
    const { say, first, hear } = open();
    hear(silence(1000, 24_000));
    const audio = { input: { format: { type: 'audio/pcmu' } } };
    say({ type: 'session.update', session: { type: 'realtime', audio } });
    const tone = encodeSamples(sine(300, 400, 8000), { encoding: 'pcmu', sampleRate: 8000 });
    say({ type: 'input_audio_buffer.append', audio: tone.toString('base64') });
    expect(first('input_audio_buffer.speech_started')?.event).toMatchObject({ audio_start_ms: 1000 });
  });

  it('hears several turns in one append', () => {
    const { say, sent } = open(echoBehaviour());
    say(detection({ type: 'server_vad', create_response: false }));
    const turn = [sine(300, 300, 24_000), silence(600, 24_000)];
    const bytes = Buffer.concat(
      [...turn, ...turn, ...turn].map((piece) => encodeSamples(piece, pcm16At(24_000))),
    );
    say({ type: 'input_audio_buffer.append', audio: bytes.toString('base64') });
    expect(sent.filter(({ event }) => event.type === 'conversation.item.added')).toHaveLength(3);
  });

  it('ends after an hour with session_expired and close 1001', () => {
    const { clock, closes, first } = open();
    clock.advance(3_600_000);
    expect(first('error')?.event).toMatchObject({ error: { code: 'session_expired' } });
    expect(closes).toEqual([{ code: 1001, at: 3_600_000 }]);
  });

  it('leaves no timer behind when it is closed in mid-answer', () => {
    const { clock, session, say } = open();
    say({ type: 'response.create' });
    say({ type: 'response.create', response: { conversation: 'none' } });
    clock.advance(100);
    session.close();
    expect(clock.pending).toBe(0);
  });
});
