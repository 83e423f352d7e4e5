import { describe, expect, it } from 'vitest';
import { type ChannelEvent, type ChannelFacts, writeEvent } from './channel-event.ts';

const facts: ChannelFacts = {
  connectionId: 'gateway',
  channel: 'WebSocket/gateway/0x7f1f3c003f60',
  channelId: '1795187503.4',
  format: 'ulaw',
  optimalFrameBytes: 160,
  ptimeMs: 20,
  variables: {
    DIALEDPEERNUMBER: 'gateway/c(ulaw)f(json)',
    MEDIA_WEBSOCKET_CONNECTION_ID: 'gateway',
    MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE: '160',
  },
};

const status: ChannelEvent = {
  event: 'STATUS',
  queueLength: 140,
  xonLevel: 800,
  xoffLevel: 900,
  queueFull: false,
  bulkMedia: false,
  mediaPaused: false,
};

describe('writeEvent', () => {
  it.each<[ChannelEvent, string]>([
    [
      { event: 'MEDIA_START' },
      '{"event":"MEDIA_START","connection_id":"gateway","channel":"WebSocket/gateway/0x7f1f3c003f60","channel_id":"1795187503.4","format":"ulaw","optimal_frame_size":160,"ptime":20,"channel_variables":{"DIALEDPEERNUMBER":"gateway/c(ulaw)f(json)","MEDIA_WEBSOCKET_CONNECTION_ID":"gateway","MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE":"160"}}',
    ],
    [{ event: 'DTMF_END', digit: '5' }, '{"event":"DTMF_END","channel_id":"1795187503.4","digit":"5"}'],
    [
      status,
      '{"event":"STATUS","channel_id":"1795187503.4","queue_length":140,"xon_level":800,"xoff_level":900,"queue_full":false,"bulk_media":false,"media_paused":false}',
    ],
    [
      { event: 'MEDIA_MARK_PROCESSED', id: 'end' },
      '{"event":"MEDIA_MARK_PROCESSED","channel_id":"1795187503.4","correlation_id":"end"}',
    ],
    [
      { event: 'MEDIA_BUFFERING_COMPLETED', id: '' },
      '{"event":"MEDIA_BUFFERING_COMPLETED","channel_id":"1795187503.4","correlation_id":""}',
    ],
    [{ event: 'QUEUE_DRAINED' }, '{"event":"QUEUE_DRAINED","channel_id":"1795187503.4"}'],
    [
      { event: 'ERROR', errorText: 'Unable to parse JSON command' },
      '{"event":"ERROR","channel_id":"1795187503.4","error_text":"Unable to parse JSON command"}',
    ],
  ])('writes $event as JSON to the letter', (event, text) => {
    expect(writeEvent(event, facts, { format: 'json' })).toBe(text);
  });

  it.each<[ChannelEvent, string]>([
    [
      { event: 'MEDIA_START' },
      'MEDIA_START connection_id:gateway channel:WebSocket/gateway/0x7f1f3c003f60 channel_id:1795187503.4 format:ulaw optimal_frame_size:160 ptime:20',
    ],
    [{ event: 'DTMF_END', digit: '7' }, 'DTMF_END digit:7 channel_id:1795187503.4'],
    [
      status,
      'STATUS channel_id:1795187503.4 queue_length:140 xon_level:800 xoff_level:900 queue_full:false bulk_media:false media_paused:false',
    ],
    [{ event: 'MEDIA_XOFF' }, 'MEDIA_XOFF'],
    [{ event: 'MEDIA_MARK_PROCESSED', id: 'm1' }, 'MEDIA_MARK_PROCESSED m1'],
    [{ event: 'MEDIA_BUFFERING_COMPLETED', id: '' }, 'MEDIA_BUFFERING_COMPLETED'],
    [{ event: 'ERROR', errorText: 'no' }, 'ERROR channel_id:1795187503.4 error_text:no'],
  ])('writes $event as plain text to the letter', (event, text) => {
    expect(writeEvent(event, facts, { format: 'plain-text' })).toBe(text);
  });

  it('leaves out what the first versions did not have', () => {
    const early = { format: 'plain-text', early: true } as const;
    expect(writeEvent({ event: 'MEDIA_START' }, facts, early)).toBe(
      'MEDIA_START connection_id:gateway channel:WebSocket/gateway/0x7f1f3c003f60 format:ulaw optimal_frame_size:160',
    );
    expect(writeEvent({ event: 'DTMF_END', digit: '7' }, facts, early)).toBe('DTMF_END digit:7');
    expect(writeEvent({ event: 'MEDIA_XON' }, facts, { format: 'json', early: true })).toBe(
      '{"event":"MEDIA_XON"}',
    );
  });
});
