import type { BadInput, Oddity } from '../carrier-driver.ts';
import { badMediaJson, oddMediaJson, type Spelling } from './media-json.ts';
import type { TelnyxCall } from './telnyx-call.ts';

const spelling: Spelling<TelnyxCall> = {
  startWithoutCall: (it) => ({ start: { ...it.startOf(), call_control_id: undefined } }),
  unusableStarts: {
    'another codec': (it) => {
      const media_format = { encoding: 'OPUS', sample_rate: 16_000, channels: 1 };
      return { start: { ...it.startOf(), media_format } };
    },
    stereo: (it) => {
      const media_format = { encoding: 'PCMU', sample_rate: 8000, channels: 2 };
      return { start: { ...it.startOf(), media_format } };
    },
  },
  mark: (name) => ['mark', { mark: { name } }],
};

export const badInput: BadInput<TelnyxCall>[] = badMediaJson(spelling);

export const oddities: Oddity<TelnyxCall>[] = [
  ...oddMediaJson(spelling),
  {
    name: 'numbers in place of strings',
    send: (it, audio) => it.media(audio, { chunk: 1, timestamp: 0 }),
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
];
