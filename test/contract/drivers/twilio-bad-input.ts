import type { BadInput, Oddity } from '../carrier-driver.ts';
import { badMediaJson, oddMediaJson, type Spelling } from './media-json.ts';
import type { TwilioCall } from './twilio-call.ts';

const spelling: Spelling<TwilioCall> = {
  startWithoutCall: (it) => ({ start: { streamSid: it.streamSid, customParameters: {} } }),
  unusableStarts: {
    'another audio format': (it) => {
      const mediaFormat = { encoding: 'audio/l16', sampleRate: 16_000, channels: 2 };
      return { start: { ...it.startOf(), mediaFormat } };
    },
  },
  mark: (name) => ['mark', { mark: { name } }],
};

export const badInput: BadInput<TwilioCall>[] = badMediaJson(spelling);

export const oddities: Oddity<TwilioCall>[] = [
  ...oddMediaJson(spelling),
  {
    name: 'numbers in place of strings',
    send: (it, audio) => it.media(audio, { chunk: 1, timestamp: 0 }),
  },
];
