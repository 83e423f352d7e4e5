import type { BadInput, Oddity } from '../carrier-driver.ts';
import { speech } from '../sounds.ts';
import { frameMs, type TelnyxCall } from './telnyx-call.ts';

export const badInput: BadInput<TelnyxCall>[] = [
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
    send: (it) => it.raw(Buffer.alloc(it.frameBytes), true),
  },
  {
    name: 'media before start',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.send(Buffer.alloc(it.frameBytes)),
  },
  {
    name: 'a start without a call',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.message('start', { start: { ...it.startOf(), call_control_id: undefined } }),
  },
  {
    name: 'a start in another codec',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: 1003,
    send: (it) => {
      const media_format = { encoding: 'OPUS', sample_rate: 16_000, channels: 1 };
      it.message('start', { start: { ...it.startOf(), media_format } });
    },
  },
  {
    name: 'a start in stereo',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: 1003,
    send: (it) => {
      const media_format = { encoding: 'PCMU', sample_rate: 8000, channels: 2 };
      it.message('start', { start: { ...it.startOf(), media_format } });
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
    send: (it) => it.raw(Buffer.alloc(it.frameBytes), true),
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
    send: (it) => it.media(Buffer.alloc(60_000)),
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
    send: (it) => it.send(speech(it.style.format, 1100 * frameMs)),
  },
];

export const oddities: Oddity<TelnyxCall>[] = [
  {
    name: 'numbers in place of strings',
    send: (it, audio) => it.media(audio, { chunk: 1, timestamp: 0 }),
  },
  {
    name: 'media without track, chunk and timestamp',
    send: (it, audio) => it.message('media', { media: { payload: it.payloadOf(audio) } }),
  },
  {
    name: 'frames in the wrong order',
    send: (it, audio) => {
      const quarter = audio.length / 4;
      const frames = [0, 1, 2, 3].map((at) => it.mediaOf(audio.subarray(at * quarter, (at + 1) * quarter)));
      for (const at of [0, 2, 1, 3]) it.message('media', { media: frames[at] });
    },
  },
  {
    name: 'a frame that comes twice',
    send: (it, audio) => {
      const media = it.mediaOf(audio);
      it.message('media', { media });
      it.message('media', { media });
    },
  },
  {
    name: 'a track with a longer name, and another that is not the caller',
    send: (it, audio) => {
      const foreign = it.payloadOf(Buffer.alloc(audio.length, 10));
      it.message('media', {
        media: { track: 'outbound_track', chunk: '1', timestamp: '0', payload: foreign },
      });
      it.media(audio, { track: 'inbound_track' });
    },
  },
  {
    name: 'marks that nobody asked for',
    send: (it, audio) => {
      it.message('mark', { mark: { name: 'never sent' } });
      it.media(audio);
    },
  },
  {
    name: 'events and fields of tomorrow',
    send: (it, audio) => {
      it.message('weather', { weather: { sky: 'blue' } });
      it.media(audio, { language: 'en' });
    },
  },
];

/** Where the audio has samples of two bytes. */
export const halfASample: BadInput<TelnyxCall> = {
  name: 'half a sample',
  when: 'live',
  code: 'PATCHCORD_AUDIO_MALFORMED',
  closes: 'goes-on',
  send: (it) => it.message('media', { media: { track: 'inbound', payload: 'AAAA' } }),
};
