import type { BadInput, Oddity } from '../carrier-driver.ts';
import { badMediaJson, oddMediaJson, type Spelling } from './media-json.ts';
import type { PlivoCall } from './plivo-call.ts';

const spelling: Spelling<PlivoCall> = {
  startWithoutCall: (it) => ({ start: { streamId: it.streamId, tracks: ['inbound'] } }),
  unusableStarts: {
    'another audio format': (it) => {
      const mediaFormat = { encoding: 'audio/opus', sampleRate: 48_000 };
      const extra_headers = it.announced.extraHeaders.replaceAll(',', ';');
      return { start: { ...it.startOf(), mediaFormat }, extra_headers };
    },
  },
  mark: (name) => ['playedStream', { name }],
};

export const badInput: BadInput<PlivoCall>[] = badMediaJson(spelling);

export const oddities: Oddity<PlivoCall>[] = [
  ...oddMediaJson(spelling),
  {
    name: 'strings in place of numbers',
    send: (it, audio) => it.media(audio, { chunk: '1' }),
  },
  {
    name: 'a clear that nobody asked for',
    send: (it, audio) => {
      it.message('clearedAudio', {});
      it.media(audio);
    },
  },
];
