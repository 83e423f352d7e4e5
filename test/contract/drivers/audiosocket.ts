import { pcm16At, pcmu8k } from '../../../src/audio/format.ts';
import {
  audioFrame,
  audioKind,
  frame,
  uuidFrame,
} from '../../../src/emulators/asterisk/audiosocket-frame.ts';
import { generateSpeech } from '../../../src/emulators/phone/caller-audio.ts';
import type { BadInput, CarrierDriver, Intruder, Oddity } from '../carrier-driver.ts';
import { speech } from '../sounds.ts';
import {
  type AudioSocketCall,
  type AudioSocketReady,
  announce,
  closes,
  frameMs,
  open,
  prepare,
  strangerAddress,
} from './audiosocket-call.ts';

const digitKind = 0x03;
const uuidKind = 0x01;
const slin8kHz = 0x10;
const slin12kHz = 0x11;

const atTheStart: BadInput<AudioSocketCall>[] = [
  {
    name: 'audio before the UUID',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: closes.refused,
    send: (it) => it.send(speech(it.format, frameMs)),
  },
  {
    name: 'a key before the UUID',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: closes.refused,
    send: (it) => it.press('1'),
  },
  {
    name: 'a UUID of 15 bytes',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: closes.refused,
    send: (it) => it.write(frame(uuidKind, Buffer.alloc(15, 1))),
  },
  {
    name: 'a request of HTTP',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: closes.refused,
    send: (it) => it.raw('GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n'),
  },
];

const live: BadInput<AudioSocketCall>[] = [
  {
    name: 'half a sample',
    when: 'live',
    code: 'PATCHCORD_AUDIO_MALFORMED',
    closes: 'goes-on',
    send: (it) => it.write(audioFrame(audioKind(it.format.sampleRate) ?? 0, Buffer.alloc(321))),
  },
  {
    name: 'keys that are none',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      it.press('x');
      it.write(frame(digitKind, Buffer.alloc(0)));
    },
  },
  {
    name: 'one malformed frame after the other',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: closes.hungUp,
    send: (it) => {
      for (let count = 0; count < 11; count += 1) it.press('?');
    },
  },
  {
    name: 'a second UUID',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: closes.hungUp,
    send: (it) => it.write(uuidFrame(it.carrierCallId)),
  },
  {
    name: 'audio at a rate that cannot be used',
    when: 'live',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: closes.hungUp,
    send: (it) => it.write(audioFrame(slin12kHz, Buffer.alloc(480, 1))),
  },
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: closes.hungUp,
    send: (it) => it.send(speech(it.format, 2100 * frameMs)),
  },
];

/** A channel without `c(slin)` in the dialplan sends what the phone has, and calls it slin. */
const disguised: BadInput<AudioSocketCall> = {
  name: 'µ-law under the name of slin',
  when: 'live',
  code: 'PATCHCORD_AUDIO_FORMAT',
  closes: closes.hungUp,
  send: (it) => {
    const frames = generateSpeech(4000).framesIn(pcmu8k);
    it.inRealTime(frames.map((audio) => audioFrame(slin8kHz, audio)));
  },
};

const oddities: Oddity<AudioSocketCall>[] = [
  {
    name: 'frames that the network has cut into single bytes',
    send: (it, audio) => {
      for (const byte of audioFrame(audioKind(it.format.sampleRate) ?? 0, audio))
        it.write(Buffer.from([byte]));
    },
  },
  {
    name: 'packets of another length than 20 ms',
    send: (it, audio) => it.packets(audio, 5),
  },
  {
    name: 'audio of no length',
    send: (it, audio) => {
      it.write(audioFrame(audioKind(it.format.sampleRate) ?? 0, Buffer.alloc(0)));
      it.send(audio);
    },
  },
  {
    name: 'kinds of tomorrow and of yesterday',
    send: (it, audio) => {
      it.write(Buffer.concat([frame(0x02, Buffer.alloc(0)), frame(0x7e, Buffer.alloc(5000, 0x10))]));
      it.send(audio);
    },
  },
];

function intruders(sampleRate: number): Intruder<AudioSocketReady>[] {
  const stranger = { address: strangerAddress };
  return [
    {
      name: 'a call from elsewhere that nobody announced',
      code: 'PATCHCORD_PEER_NOT_ALLOWED',
      turnedAway: closes.refused,
      async attempt(_gatewayUrl, changed, { port }) {
        const call = await open(port, sampleRate, changed, stranger);
        call.begin();
        return call.closed;
      },
    },
    {
      name: 'somebody who comes as an announced call that has come',
      code: 'PATCHCORD_PEER_NOT_ALLOWED',
      turnedAway: closes.refused,
      async attempt(gatewayUrl, changed, { port }) {
        const first = await open(port, sampleRate, changed, stranger);
        await announce(gatewayUrl, first.carrierCallId);
        first.begin();
        await first.taken;
        const second = await open(port, sampleRate, changed, { ...stranger, uuid: first.carrierCallId });
        second.begin();
        const code = await second.closed;
        first.hangUp();
        const firstCode = await first.closed;
        if (firstCode !== closes.wordless) throw new Error(`the first call was closed with ${firstCode}`);
        return code;
      },
    },
  ];
}

/** AudioSocket with slin at this rate: 8,000 for the dialplan application, more for the channel driver alone. */
export function audioSocketDriver(sampleRate = 8000): CarrierDriver<AudioSocketCall, AudioSocketReady> {
  const format = pcm16At(sampleRate);
  return {
    traits: {
      receives: format,
      sends: format,
      frameMs,
      marks: 'none',
      // After a hold-up the gateway sends up to five frames at once, and the last of them are heard that much later.
      toleranceMs: 100,
      digits: true,
      clears: false,
      breaksLikeHangUp: true,
      goodbyeCode: closes.hungUp,
    },
    prepare,
    badInput: [...atTheStart, ...live, ...(sampleRate === 8000 ? [disguised] : [])],
    oddities,
    intruders: intruders(sampleRate),
    async call(_gatewayUrl, changed, begin, { port }) {
      const call = await open(port, sampleRate, changed);
      if (begin) call.begin();
      return call;
    },
  };
}
