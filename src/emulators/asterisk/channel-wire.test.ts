import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Caller, type CallerStep } from '../phone/caller.ts';
import { PhoneLine } from '../phone/line.ts';
import { ChannelPlayer } from './channel-player.ts';
import { ChannelWire, type ChannelWireOptions, channelFormats } from './channel-wire.ts';

/** A line over a function, in virtual time. */
function newLine(options: Partial<ChannelWireOptions> = {}, steps: CallerStep[] = []) {
  const clock = new VirtualClock();
  const texts: string[] = [];
  const frames: number[] = [];
  const ends: string[] = [];
  const format = options.format ?? 'ulaw';
  const player = new ChannelPlayer({
    clock,
    format: channelFormats[format],
    tell: (event) => line.send(wire.event(event)),
  });
  const wire = new ChannelWire({
    facts: { connectionId: 'gw', channel: 'WebSocket/gw/0x1', channelId: '1.2', variables: {} },
    style: { format: 'json' },
    ...options,
    format,
    player,
  });
  const line = new PhoneLine({
    clock,
    wire,
    transport: {
      send: (frame) => {
        if (typeof frame === 'string') texts.push(`${clock.now()} ${frame}`);
        else frames.push(frame.length);
      },
      close: () => ends.push('close'),
      destroy: () => ends.push('destroy'),
    },
    caller: new Caller({ steps }),
    newPlayer: (events) => player.listen(events),
    ended: ({ endedBy }) => ends.push(`ended by ${endedBy}`),
  });
  line.start();
  return {
    clock,
    line,
    texts,
    frames,
    ends,
    command: (command: object) => line.receive(JSON.stringify(command), false),
    say: (text: string) => line.receive(text, false),
    play: (bytes: number, fill = 1) => line.receive(Buffer.alloc(bytes, fill), true),
    violations: () => line.record.violations.map(({ kind }) => kind),
  };
}

describe('ChannelWire', () => {
  it('says MEDIA_START, then sends the phone in binary messages', () => {
    const { clock, texts, frames } = newLine({ format: 'slin16' });
    clock.advance(60);
    expect(texts).toEqual([
      '0 {"event":"MEDIA_START","connection_id":"gw","channel":"WebSocket/gw/0x1","channel_id":"1.2","format":"slin16","optimal_frame_size":640,"ptime":20,"channel_variables":{}}',
    ]);
    expect(frames).toEqual([640, 640, 640]);
  });

  it('sends audio before MEDIA_START where it is told to, and events without ids as first versions did', () => {
    const { clock, texts, frames } = newLine(
      { earlyFrames: 2, style: { format: 'plain-text', early: true } },
      [{ do: 'digits', digits: '7', atMs: 20 }],
    );
    expect([frames, texts]).toEqual([
      [160, 160],
      ['0 MEDIA_START connection_id:gw channel:WebSocket/gw/0x1 format:ulaw optimal_frame_size:160'],
    ]);
    clock.advance(220);
    expect(texts.slice(1)).toEqual(['200 DTMF_END digit:7']);
  });

  it('plays, returns marks and flushes', () => {
    const { clock, line, texts, command, play } = newLine();
    play(1600);
    command({ command: 'MARK_MEDIA', correlation_id: 'a' });
    clock.advance(1000);
    expect(texts.at(-1)).toBe('220 {"event":"MEDIA_MARK_PROCESSED","channel_id":"1.2","correlation_id":"a"}');
    play(16_000);
    command({ command: 'MARK_MEDIA', correlation_id: 'b' });
    clock.advance(500);
    command({ command: 'FLUSH_MEDIA' });
    clock.advance(2000);
    expect(texts).toHaveLength(2);
    expect(line.record.clears).toMatchObject([{ atMs: 1500, marks: ['b'] }]);
    expect(line.record.playedMs).toBe(200 + 500);
  });

  it('answers GET_STATUS, and what it cannot read with ERROR', () => {
    const { texts, command, say, play, violations } = newLine();
    play(480);
    command({ command: 'START_MEDIA_BUFFERING' });
    command({ command: 'GET_STATUS' });
    say('MARK_MEDIA m');
    expect(texts.slice(1)).toEqual([
      '0 {"event":"STATUS","channel_id":"1.2","queue_length":3,"xon_level":800,"xoff_level":900,"queue_full":false,"bulk_media":true,"media_paused":false}',
      '0 {"event":"ERROR","channel_id":"1.2","error_text":"Unable to parse JSON command"}',
    ]);
    expect(violations()).toEqual(['not-json']);
  });

  it('tells what it drops: tails, commands that are too long, media beyond its queue', () => {
    const { line, command, play, violations } = newLine();
    play(170);
    command({ command: 'MARK_MEDIA', correlation_id: 'm'.repeat(100) });
    for (let count = 0; count < 5; count += 1) play(40_000);
    expect(violations()).toEqual(['dropped-tail', 'command-too-long', 'buffer-overflow']);
    expect(line.record.marks).toEqual([]);
  });

  it('breaks the call at a message over 65,535 bytes', () => {
    const { ends, play, violations } = newLine();
    play(65_440);
    expect(ends).toEqual([]);
    play(65_536);
    expect(ends).toEqual(['destroy', 'ended by carrier']);
    expect(violations().at(-1)).toBe('message-too-large');
  });

  it('has no media either way before the gateway answers, where that is its part', () => {
    let answered = 0;
    const { clock, frames, command, play, violations } = newLine({
      answeredByGateway: true,
      answered: () => {
        answered += 1;
      },
    });
    clock.advance(100);
    play(160);
    expect([frames, violations()]).toEqual([[], ['media-before-answer']]);
    command({ command: 'ANSWER' });
    command({ command: 'ANSWER' });
    clock.advance(40);
    play(160);
    expect([frames, violations().length, answered]).toEqual([[160, 160], 1, 1]);
  });

  it('hangs up when it is told, and obeys a change of direction', () => {
    const { clock, line, frames, ends, command, play } = newLine();
    command({ command: 'SET_MEDIA_DIRECTION', direction: 'out' });
    clock.advance(40);
    expect(frames).toEqual([]);
    command({ command: 'SET_MEDIA_DIRECTION', direction: 'in' });
    play(320);
    clock.advance(100);
    expect([frames.length, line.record.playedMs]).toEqual([5, 0]);
    command({ command: 'HANGUP' });
    expect(ends).toEqual(['close', 'ended by gateway']);
  });
});
