import { type AudioFormat, bytesPerMs } from '../../../src/audio/format.ts';
import type { BadInput, CarrierCall, Oddity } from '../carrier-driver.ts';
import { speech } from '../sounds.ts';
import { badText, binaryFrames } from './bad-text.ts';

/** Twilio, Telnyx and Plivo have their media JSON in common but for the names of some fields. */

const frameMs = 20;

export interface MediaJsonCall extends CarrierCall {
  readonly format: AudioFormat;
  begin(): void;
  /** A message in the carrier's envelope. */
  message(event: string, body: object): void;
  /** The caller's next audio; `fields` take the place of those of `media`. */
  media(audio: Buffer, fields?: object): void;
}

/** How one carrier writes it. */
export interface Spelling<Call extends MediaJsonCall> {
  /** What `start` has beside its event. */
  startWithoutCall(call: Call): object;
  /** The same with audio that nobody asked for, by what it is. */
  readonly unusableStarts: Readonly<Record<string, (call: Call) => object>>;
  /** A mark that was played. */
  mark(name: unknown): readonly [event: string, body: object];
}

export function badMediaJson<Call extends MediaJsonCall>(spelling: Spelling<Call>): BadInput<Call>[] {
  return [
    ...badText('event'),
    ...binaryFrames,
    {
      name: 'media before start',
      when: 'at-the-start',
      code: 'PATCHCORD_MESSAGE_ORDER',
      closes: 1008,
      send: (it) => it.send(Buffer.alloc(frameMs * bytesPerMs(it.format))),
    },
    {
      name: 'a key before start',
      when: 'at-the-start',
      code: 'PATCHCORD_MESSAGE_ORDER',
      closes: 1008,
      send: (it) => it.press('1'),
    },
    {
      name: 'a start without a call',
      when: 'at-the-start',
      code: 'PATCHCORD_MESSAGE_MALFORMED',
      closes: 1007,
      send: (it) => it.message('start', spelling.startWithoutCall(it)),
    },
    ...Object.entries(spelling.unusableStarts).map(
      ([what, startOf]): BadInput<Call> => ({
        name: `a start in ${what}`,
        when: 'at-the-start',
        code: 'PATCHCORD_AUDIO_FORMAT',
        closes: 1003,
        send: (it) => it.message('start', startOf(it)),
      }),
    ),
    {
      name: 'fields of wrong types',
      when: 'live',
      code: 'PATCHCORD_MESSAGE_MALFORMED',
      closes: 'goes-on',
      send: (it) => {
        it.message('media', { media: 'none' });
        it.message('media', { media: { payload: 12 } });
        it.message(...spelling.mark(3));
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
      name: 'a flood',
      when: 'live',
      code: 'PATCHCORD_PEER_FLOOD',
      closes: 1008,
      send: (it) => it.send(speech(it.format, 1100 * frameMs)),
    },
  ];
}

/** Where the audio has samples of two bytes. */
export const halfASample: BadInput<MediaJsonCall> = {
  name: 'half a sample',
  when: 'live',
  code: 'PATCHCORD_AUDIO_MALFORMED',
  closes: 'goes-on',
  send: (it) => it.message('media', { media: { track: 'inbound', payload: 'AAAA' } }),
};

export function oddMediaJson<Call extends MediaJsonCall>({ mark }: Spelling<Call>): Oddity<Call>[] {
  return [
    {
      name: 'media without track, chunk and timestamp',
      send: (it, audio) => it.media(audio, { track: undefined, chunk: undefined, timestamp: undefined }),
    },
    {
      name: 'media of another track, which is not the caller',
      send: (it, audio) => {
        const payload = Buffer.alloc(audio.length, 9).toString('base64');
        it.message('media', { media: { track: 'outbound', payload } });
        it.media(audio);
      },
    },
    {
      name: 'a mark that nobody asked for',
      send: (it, audio) => {
        it.message(...mark('never sent'));
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
}
