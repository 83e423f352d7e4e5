import { pcmu8k } from '../../../src/audio/format.ts';
import type { BadInput, Oddity } from '../carrier-driver.ts';
import { speech } from '../sounds.ts';
import { frameBytes, frameMs, type TwilioCall } from './twilio-call.ts';

export const badInput: BadInput<TwilioCall>[] = [
  {
    name: 'text that is not JSON, before anything else',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw('{"event":', false),
  },
  {
    name: 'a binary frame before anything else',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_BINARY',
    closes: 1003,
    send: (it) => it.raw(Buffer.alloc(frameBytes), true),
  },
  {
    name: 'media before start',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.send(Buffer.alloc(frameBytes)),
  },
  {
    name: 'a start without a call',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.message('start', { start: { streamSid: it.streamSid, customParameters: {} } }),
  },
  {
    name: 'a start in another audio format',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: 1003,
    send: (it) => {
      const mediaFormat = { encoding: 'audio/l16', sampleRate: 16_000, channels: 2 };
      it.message('start', { start: { ...it.startOf(), mediaFormat } });
    },
  },
  {
    name: 'text that is not JSON',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.raw('what?', false),
  },
  {
    name: 'JSON that is no message',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      for (const frame of ['[]', 'null', '7', '{"event":5}']) it.raw(frame, false);
    },
  },
  {
    name: 'fields of wrong types',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      it.message('media', { media: 'none' });
      it.message('media', { media: { payload: 12 } });
      it.message('mark', { mark: { name: 3 } });
      it.message('dtmf', { dtmf: { digit: 'twelve' } });
    },
  },
  {
    name: 'audio that is not base64',
    when: 'live',
    code: 'PATCHCORD_AUDIO_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.message('media', { media: { track: 'inbound', payload: '!!not base64!!' } }),
  },
  {
    name: 'one malformed message after the other',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => {
      for (let count = 0; count < 11; count += 1) it.raw('nonsense', false);
    },
  },
  {
    name: 'a binary frame',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_BINARY',
    closes: 1003,
    send: (it) => it.raw(Buffer.alloc(frameBytes), true),
  },
  {
    name: 'a second start',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.begin(),
  },
  {
    name: 'a frame over the limit',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.media({ payload: Buffer.alloc(60_000).toString('base64') }),
  },
  {
    name: 'a text frame that is not UTF-8',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), false),
  },
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => it.send(speech(pcmu8k, 1100 * frameMs)),
  },
];

export const oddities: Oddity<TwilioCall>[] = [
  {
    name: 'numbers in place of strings',
    send: (it, audio) => it.media({ payload: audio.toString('base64'), chunk: 1, timestamp: 0 }),
  },
  {
    name: 'media without track, chunk and timestamp',
    send: (it, audio) => it.message('media', { media: { payload: audio.toString('base64') } }),
  },
  {
    name: 'events and fields of tomorrow',
    send: (it, audio) => {
      it.message('weather', { weather: { sky: 'blue' } });
      it.media({ payload: audio.toString('base64'), language: 'en' });
    },
  },
];
