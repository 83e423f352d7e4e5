import { once } from 'node:events';
import { pcm16At } from '../../../src/audio/format.ts';
import { resetMessage } from '../../../src/emulators/avr/core-message.ts';
import type { BadInput, CarrierDriver, Intruder, Oddity } from '../carrier-driver.ts';
import { speech } from '../sounds.ts';
import { AvrCall, connect } from './avr-call.ts';
import { type AvrPrepared, allowedAddress, prepare, strangeAddress } from './avr-prepared.ts';
import { badText, binaryFrames } from './bad-text.ts';
import { refusedUpgrade } from './refused-upgrade.ts';

const format = pcm16At(8000);

async function call(
  gatewayUrl: string,
  changed: () => void,
  begin: boolean,
  prepared: AvrPrepared,
): Promise<AvrCall> {
  const socket = connect(gatewayUrl, allowedAddress);
  const made = new AvrCall(socket, prepared, changed);
  await once(socket, 'open');
  if (begin) made.begin();
  return made;
}

const badInput: BadInput<AvrCall>[] = [
  ...badText('type'),
  ...binaryFrames,
  {
    name: 'fields of wrong types',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      it.message({ type: 'audio', audio: 12 });
      it.message({ type: 'audio' });
      it.message({ type: 'dtmf_digit', digit: 'twelve' });
    },
  },
  {
    name: 'audio that is not base64',
    when: 'live',
    code: 'PATCHCORD_AUDIO_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.message({ type: 'audio', audio: '!!not base64!!' }),
  },
  {
    name: 'half a sample',
    when: 'live',
    code: 'PATCHCORD_AUDIO_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.message({ type: 'audio', audio: Buffer.alloc(321).toString('base64') }),
  },
  {
    name: 'a message over the limit',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.send(Buffer.alloc(100_000), 100_000),
  },
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => it.send(speech(format, 30_000)),
  },
];

const oddities: Oddity<AvrCall>[] = [
  { name: 'audio in pieces of any even size', send: (it, audio) => it.send(audio, 22) },
  {
    name: 'audio of no length',
    send: (it, audio) => {
      it.message({ type: 'audio', audio: '' });
      it.send(audio);
    },
  },
  {
    name: 'init again',
    send: (it, audio) => {
      it.begin();
      it.send(audio);
    },
  },
  {
    name: 'a reset',
    send: (it, audio) => {
      it.raw(resetMessage, false);
      it.send(audio);
    },
  },
  {
    name: 'messages and fields of tomorrow',
    send: (it, audio) => {
      it.message({ type: 'weather', sky: 'blue' });
      it.message({ type: 'dtmf', digit: '1' });
      it.message({ type: 'audio', audio: audio.toString('base64'), sequence: 1 });
    },
  },
];

const intruders: Intruder<AvrPrepared>[] = [
  {
    name: 'a core from an address that is not allowed',
    code: 'PATCHCORD_PEER_NOT_ALLOWED',
    turnedAway: 403,
    attempt: (gatewayUrl) => refusedUpgrade(connect(gatewayUrl, strangeAddress)),
  },
];

export const avrDriver: CarrierDriver<AvrCall, AvrPrepared> = {
  traits: {
    receives: format,
    sends: format,
    frameMs: 20,
    marks: 'none',
    digits: true,
    clears: true,
    goodbyeCode: 1000,
  },
  prepare,
  badInput,
  oddities,
  intruders,
  call,
};
