import { once } from 'node:events';
import { WebSocket } from 'ws';
import { bytesPerMs, pcm16At } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import {
  type BadInput,
  type CarrierCall,
  type CarrierDriver,
  type Intruder,
  type Oddity,
  settingsAlone,
} from '../carrier-driver.ts';
import { Ear } from '../ear.ts';
import { speech } from '../sounds.ts';
import { apiKey } from '../stage.ts';
import { notUtf8, unfinishedJson } from './bad-text.ts';
import { refusedUpgrade } from './refused-upgrade.ts';

/** Written from docs/softphone-protocol.md. */

const format = pcm16At(24_000);
const frameBytes = 20 * bytesPerMs(format);

class SoftphoneCall implements CarrierCall {
  readonly carrierCallId = undefined;
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly closed: Promise<number>;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #changed: () => void;
  #started = false;
  #over = false;

  constructor(socket: WebSocket, changed: () => void) {
    this.#socket = socket;
    this.#changed = changed;
    this.ear = new Ear(new SystemClock(), bytesPerMs(format), {
      played: (name) => this.control({ type: 'mark', name }),
      // "a dropped mark is not sent back"
      cleared: () => undefined,
      changed,
    });
    socket.on('message', (data: Buffer, binary) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.closeCode = code;
        this.ear.close();
        changed();
        resolve(code);
      });
    });
  }

  begin(): void {
    this.control({ type: 'start', sampleRate: format.sampleRate });
  }

  control(message: object): void {
    this.raw(JSON.stringify(message), false);
  }

  send(audio: Buffer): void {
    for (let at = 0; at < audio.length; at += frameBytes) this.raw(audio.subarray(at, at + frameBytes), true);
  }

  press(digit: string): void {
    this.control({ type: 'digit', digit });
  }

  hangUp(): void {
    this.control({ type: 'hangup' });
  }

  lose(): void {
    this.#socket.terminate();
  }

  raw(data: string | Buffer, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  /** "From the gateway: text", and binary audio. */
  #received(data: Buffer, binary: boolean): void {
    if (this.#over) this.violations.push('a message after the last one');
    if (binary) {
      if (!this.#started) this.violations.push('audio before started');
      this.ear.play(data);
    } else this.#obey(JSON.parse(data.toString()) as Readonly<Record<string, unknown>>);
    this.#changed();
  }

  #obey(message: Readonly<Record<string, unknown>>): void {
    switch (message.type) {
      case 'started':
        this.#started = true;
        return;
      case 'mark':
        this.ear.mark(String(message.name));
        return;
      case 'clear':
        this.ear.clear();
        return;
      case 'ended':
      case 'error':
        this.#over = true;
        return;
      default:
        this.violations.push(`type ${String(message.type)}`);
    }
  }
}

function connect(gatewayUrl: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
  return new WebSocket(`${gatewayUrl.replace('http', 'ws')}/softphone`, {
    headers,
    perMessageDeflate: false,
  });
}

async function call(gatewayUrl: string, changed: () => void, begin: boolean): Promise<SoftphoneCall> {
  // As from another machine: behind a proxy, with a key.
  const socket = connect(gatewayUrl, { 'x-forwarded-for': '192.0.2.7', authorization: `Bearer ${apiKey}` });
  const made = new SoftphoneCall(socket, changed);
  await once(socket, 'open');
  if (begin) made.begin();
  return made;
}

const badInput: BadInput<SoftphoneCall>[] = [
  unfinishedJson('type'),
  notUtf8,
  {
    name: 'audio before start',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.send(Buffer.alloc(frameBytes)),
  },
  {
    name: 'a digit before start',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.press('1'),
  },
  {
    name: 'a rate that the protocol does not have',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: 1003,
    send: (it) => it.control({ type: 'start', sampleRate: 44_100 }),
  },
  {
    name: 'a rate that is a string',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.control({ type: 'start', sampleRate: '24000' }),
  },
  {
    name: 'instructions that are no text',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.control({ type: 'start', sampleRate: 24_000, instructions: 7 }),
  },
  {
    name: 'text that is not JSON',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw('what?', false),
  },
  {
    name: 'JSON that is no message',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw('[]', false),
  },
  {
    name: 'audio in a text frame',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw(Buffer.alloc(frameBytes, 0x41), false),
  },
  {
    name: 'half a sample',
    when: 'live',
    code: 'PATCHCORD_AUDIO_MALFORMED',
    closes: 1007,
    send: (it) => it.raw(Buffer.alloc(frameBytes + 1), true),
  },
  {
    name: 'a digit that is a number',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.control({ type: 'digit', digit: 5 }),
  },
  {
    name: 'a second start',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.begin(),
  },
  {
    name: 'more than a second of audio in one frame',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.raw(Buffer.alloc(48_002), true),
  },
  {
    name: 'a message over the limit',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.control({ type: 'digit', digit: '5', padding: 'x'.repeat(70_000) }),
  },
  {
    name: 'a flood of audio',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => it.send(speech(format, 10_500)),
  },
  {
    name: 'a flood of control messages',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => {
      for (let count = 0; count < 600; count += 1) it.control({ type: 'mark', name: `m${count}` });
    },
  },
];

const oddities: Oddity<SoftphoneCall>[] = [
  {
    name: 'an empty frame',
    send: (it, audio) => {
      it.raw(Buffer.alloc(0), true);
      it.raw(audio, true);
    },
  },
  {
    name: 'marks that nobody asked for',
    send: (it, audio) => {
      it.control({ type: 'mark', name: 'never sent' });
      it.send(audio);
    },
  },
];

function refused(gatewayUrl: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return refusedUpgrade(connect(gatewayUrl, headers));
}

const intruders: Intruder[] = [
  {
    name: 'somebody behind a tunnel without a key',
    code: 'PATCHCORD_UNAUTHORIZED',
    turnedAway: 401,
    attempt: (gatewayUrl) => refused(gatewayUrl, { 'x-forwarded-for': '192.0.2.7' }),
  },
  {
    name: 'somebody with a wrong key',
    code: 'PATCHCORD_UNAUTHORIZED',
    turnedAway: 401,
    attempt: (gatewayUrl) =>
      refused(gatewayUrl, { authorization: 'Bearer wrong', 'x-forwarded-for': '192.0.2.7' }),
  },
  {
    name: 'a page that was opened under a foreign name',
    code: 'PATCHCORD_UNAUTHORIZED',
    turnedAway: 401,
    attempt: (gatewayUrl) => refused(gatewayUrl, { host: 'evil.example.com' }),
  },
];

export const softphoneDriver: CarrierDriver<SoftphoneCall> = {
  traits: {
    receives: format,
    sends: format,
    marks: 'dropped',
    digits: true,
    clears: true,
    goodbyeCode: 1000,
  },
  prepare: settingsAlone({}),
  badInput,
  oddities,
  intruders,
  call,
};
