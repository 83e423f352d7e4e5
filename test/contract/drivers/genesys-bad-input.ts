import { pcmu8k } from '../../../src/audio/format.ts';
import type { BadInput, Oddity } from '../carrier-driver.ts';
import { speech } from '../sounds.ts';
import { badText } from './bad-text.ts';
import { frameBytes, type GenesysCall } from './genesys-call.ts';

/** A session that breaks the rules of the envelope is told so with `disconnect`, and closed by the client. */
const disconnected = 1000;

const l16 = { type: 'audio', format: 'L16', channels: ['external'], rate: 8000 } as const;

export const badInput: BadInput<GenesysCall>[] = [
  ...badText('type'),
  {
    name: 'audio before open',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.send(Buffer.alloc(frameBytes, 0xff)),
  },
  {
    name: 'a key before open',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.press('1'),
  },
  {
    name: 'an open without a conversation',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.message('open', { ...it.openOf(), conversationId: undefined }),
  },
  {
    name: 'an open of another organization than that of the upgrade',
    when: 'at-the-start',
    code: 'PATCHCORD_CALL_MISMATCH',
    closes: disconnected,
    send: (it) => it.begin({ organizationId: '00000000-0000-4000-8000-000000000001' }),
  },
  {
    name: 'an open that offers no µ-law',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: disconnected,
    send: (it) => it.begin({ media: [l16] }),
  },
  {
    name: 'an open whose seq is not 1',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: disconnected,
    send: (it) => it.forged('open', it.openOf(), { seq: 2 }),
  },
  {
    name: 'an open of another session than that of the upgrade',
    when: 'at-the-start',
    code: 'PATCHCORD_CALL_MISMATCH',
    closes: disconnected,
    send: (it) => it.forged('open', it.openOf(), { id: '00000000-0000-4000-8000-000000000002' }),
  },
  {
    name: 'a key that is none',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.message('dtmf', { digit: 'twelve' }),
  },
  {
    name: 'a message whose seq leaves one out',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: disconnected,
    send: (it) => it.forged('ping', {}, { seq: it.nextSeq + 1 }),
  },
  {
    name: 'a message that knows more of the server than it has said',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: disconnected,
    send: (it) => it.forged('ping', {}, { serverseq: 99 }),
  },
  {
    name: 'a message of another session',
    when: 'live',
    code: 'PATCHCORD_CALL_MISMATCH',
    closes: disconnected,
    send: (it) => it.forged('ping', {}, { id: '00000000-0000-4000-8000-000000000003' }),
  },
  {
    name: 'a second open',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: disconnected,
    send: (it) => it.begin(),
  },
  {
    name: 'a message over the limit',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.message('update', { language: 'en-US', padding: 'x'.repeat(200_000) }),
  },
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => it.send(speech(pcmu8k, 60_000)),
  },
];

export const oddities: Oddity<GenesysCall>[] = [
  { name: 'audio 100 ms at a time', send: (it, audio) => it.send(audio, 800) },
  { name: 'audio in pieces of any size', send: (it, audio) => it.send(audio, 33) },
  {
    name: 'an empty binary message',
    send: (it, audio) => {
      it.raw(Buffer.alloc(0), true);
      it.send(audio);
    },
  },
  {
    name: 'messages and fields of tomorrow',
    send: (it, audio) => {
      it.message('weather', { sky: 'blue' });
      it.message('ping', { rtt: 'PT0.123456S', more: [1] });
      it.send(audio);
    },
  },
  {
    name: 'everything that a flow may tell',
    send: (it, audio) => {
      it.message('update', { language: 'pt-BR' });
      it.message('update', { language: 'en-us' });
      it.message('paused');
      it.message('resumed', { start: 'PT1S', discarded: 'PT2.5S' });
      it.message('discarded', { start: 'PT1S', discarded: 'PT.5S' });
      it.message('error', { code: 400, message: 'odd' });
      it.message('playback_completed');
      it.message('playback_completed');
      it.send(audio);
    },
  },
  {
    name: 'messages without parameters',
    send: (it, audio) => {
      it.forged('paused', {}, { parameters: undefined });
      it.send(audio);
    },
  },
];
