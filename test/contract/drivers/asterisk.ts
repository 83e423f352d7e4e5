import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type AudioFormat, bytesPerMs } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import { type ControlFormat, readCommand } from '../../../src/emulators/asterisk/channel-command.ts';
import {
  type ChannelEvent,
  type ChannelFacts,
  writeEvent,
} from '../../../src/emulators/asterisk/channel-event.ts';
import {
  type ChannelFormat,
  channelFormats,
  maxMessageBytes,
} from '../../../src/emulators/asterisk/channel-wire.ts';
import { maxQueuedFrames } from '../../../src/emulators/asterisk/media-queue.ts';
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
import { malformedInARow, notUtf8 } from './bad-text.ts';
import { refusedUpgrade } from './refused-upgrade.ts';

/** Written from Asterisk's documentation, "WebSocket Channel", and from what Asterisk 22.10 was seen to do. */

const frameMs = 20;
const username = 'pbx';
const password = 'password:of-the-test';

interface Dialled {
  readonly format: ChannelFormat;
  readonly control: ControlFormat;
}

class ChannelCall implements CarrierCall {
  readonly carrierCallId: string;
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly closed: Promise<number>;
  readonly format: AudioFormat;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #facts: ChannelFacts;
  readonly #control: ControlFormat;
  readonly #changed: () => void;

  constructor(socket: WebSocket, number: number, { format, control }: Dialled, changed: () => void) {
    this.carrierCallId = `1795187503.${number}`;
    this.format = channelFormats[format];
    this.#socket = socket;
    this.#control = control;
    this.#changed = changed;
    this.#facts = {
      connectionId: 'gateway',
      channel: `WebSocket/gateway/0x${number}`,
      channelId: this.carrierCallId,
      format,
      optimalFrameBytes: this.frameBytes,
      ptimeMs: frameMs,
      variables: { MEDIA_WEBSOCKET_CONNECTION_ID: 'gateway' },
    };
    this.ear = new Ear(new SystemClock(), bytesPerMs(this.format), {
      played: (id) => this.event({ event: 'MEDIA_MARK_PROCESSED', id }),
      // Marks that a flush has thrown away never come.
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

  get frameBytes(): number {
    return frameMs * bytesPerMs(this.format);
  }

  begin(): void {
    this.event({ event: 'MEDIA_START' });
  }

  /** `changes` are made to the event's fields, in JSON alone. */
  event(event: ChannelEvent, changes: Readonly<Record<string, unknown>> = {}): void {
    const text = writeEvent(event, this.#facts, { format: this.#control });
    if (Object.keys(changes).length === 0) this.raw(text, false);
    else this.raw(JSON.stringify({ ...(JSON.parse(text) as object), ...changes }), false);
  }

  /** MEDIA_START with another codec, or with none. */
  startWith(format: string): void {
    const text = writeEvent({ event: 'MEDIA_START' }, { ...this.#facts, format }, { format: this.#control });
    this.raw(format === '' ? text.replace(/"format":"",| format:/, '') : text, false);
  }

  send(audio: Buffer): void {
    this.packets(audio, frameMs);
  }

  packets(audio: Buffer, packetMs: number): void {
    const bytes = packetMs * bytesPerMs(this.format);
    for (let at = 0; at < audio.length; at += bytes) this.raw(audio.subarray(at, at + bytes), true);
  }

  press(digit: string): void {
    this.event({ event: 'DTMF_END', digit });
  }

  /** "Close 1000, no reason, no event before it." */
  hangUp(): void {
    this.#socket.close(1000);
  }

  lose(): void {
    this.#socket.terminate();
  }

  raw(data: string | Buffer, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  #received(data: Buffer, binary: boolean): void {
    if (data.length > maxMessageBytes) this.violations.push(`a message of ${data.length} bytes`);
    if (binary) this.#media(data);
    else this.#command(data);
    this.#changed();
  }

  /** What fills no frame is dropped, and what the queue does not hold. */
  #media(audio: Buffer): void {
    const tail = audio.length % this.frameBytes;
    if (tail > 0) this.violations.push(`a tail of ${tail} bytes`);
    const queued = (this.ear.receivedMs - this.ear.playedMs) / frameMs;
    if (queued >= maxQueuedFrames && this.ear.clears.length === 0) this.violations.push('a full queue');
    this.ear.play(audio.subarray(0, audio.length - tail));
  }

  #command(data: Buffer): void {
    const reading = readCommand(data, this.#control);
    if (!reading.ok) {
      this.violations.push(`${reading.violation}: ${reading.detail}`);
      return;
    }
    const { command } = reading;
    switch (command.command) {
      case 'MARK_MEDIA':
        this.ear.mark(command.id);
        return;
      case 'FLUSH_MEDIA':
        this.ear.clear();
        return;
      case 'HANGUP':
        this.#socket.close(1000);
        return;
      case 'ANSWER':
        return;
      default:
        this.violations.push(`${command.command}, which nothing here is the answer to`);
    }
  }
}

const atTheStart: BadInput<ChannelCall>[] = [
  {
    name: 'text that is no event',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw('hello', false),
  },
  {
    name: 'JSON that breaks off',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw('{"event":"MEDIA_START"', false),
  },
  {
    name: 'a key before MEDIA_START',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.press('1'),
  },
  {
    name: 'a MEDIA_START without a codec',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.startWith(''),
  },
  {
    name: 'a codec that cannot be used',
    when: 'at-the-start',
    code: 'PATCHCORD_AUDIO_FORMAT',
    closes: 1003,
    send: (it) => it.startWith('opus'),
  },
];

const live: BadInput<ChannelCall>[] = [
  malformedInARow,
  notUtf8,
  {
    name: 'text that is no event',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      for (const text of ['what?', '', '{"event":', '[]', 'null', '7', '{"event":5}']) it.raw(text, false);
    },
  },
  {
    name: 'fields of wrong types',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 'goes-on',
    send: (it) => {
      it.raw('{"event":"DTMF_END","digit":"twelve"}', false);
      it.raw('{"event":"DTMF_END","digit":{"is":5}}', false);
      it.raw('{"event":"MEDIA_MARK_PROCESSED","correlation_id":["p1"]}', false);
      it.raw('DTMF_END digit:', false);
    },
  },
  {
    name: 'a second MEDIA_START',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_ORDER',
    closes: 1008,
    send: (it) => it.begin(),
  },
  {
    name: 'a message over the limit',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_TOO_LARGE',
    closes: 1009,
    send: (it) => it.raw(Buffer.alloc(70_000), true),
  },
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: 1008,
    send: (it) => it.send(speech(it.format, 1100 * frameMs)),
  },
];

const halfASample: BadInput<ChannelCall> = {
  name: 'half a sample',
  when: 'live',
  code: 'PATCHCORD_AUDIO_MALFORMED',
  closes: 'goes-on',
  send: (it) => it.raw(Buffer.alloc(it.frameBytes + 1), true),
};

const oddities: Oddity<ChannelCall>[] = [
  {
    name: 'packets of another length than 20 ms',
    send: (it, audio) => it.packets(audio, 5),
  },
  {
    name: 'an empty packet',
    send: (it, audio) => {
      it.raw(Buffer.alloc(0), true);
      it.send(audio);
    },
  },
  {
    name: 'events that nobody asked for',
    send: (it, audio) => {
      it.event({ event: 'MEDIA_MARK_PROCESSED', id: 'never sent' });
      it.event({ event: 'MEDIA_BUFFERING_COMPLETED', id: '' });
      it.event({ event: 'QUEUE_DRAINED' });
      it.event({ event: 'MEDIA_XON' });
      it.event({ event: 'MEDIA_XOFF' });
      it.event({ event: 'MEDIA_XON' });
      it.send(audio);
    },
  },
  {
    name: 'events of tomorrow, and in the other format',
    send: (it, audio) => {
      it.raw('{"event":"WEATHER","channel_id":"1.2","sky":"blue"}', false);
      it.raw('WEATHER sky:blue', false);
      it.raw('{"event":"STATUS","queue_length":"43","queue_full":"false","language":"en"}', false);
      it.send(audio);
    },
  },
];

function connect(gatewayUrl: string, authorization: string | undefined): WebSocket {
  return new WebSocket(`${gatewayUrl.replace('http', 'ws')}/asterisk`, ['media'], {
    headers: authorization === undefined ? {} : { authorization },
    perMessageDeflate: false,
  });
}

function basic(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}

function refused(gatewayUrl: string, authorization: string | undefined): Promise<number> {
  return refusedUpgrade(connect(gatewayUrl, authorization));
}

function intruder(name: string, authorization: string | undefined): Intruder {
  return {
    name,
    code: 'PATCHCORD_UNAUTHORIZED',
    turnedAway: 401,
    attempt: (gatewayUrl) => refused(gatewayUrl, authorization),
  };
}

const intruders: Intruder[] = [
  intruder('somebody without credentials', undefined),
  intruder('somebody with a wrong password', basic(username, 'wrong')),
  intruder('somebody with half of the password', basic(username, password.slice(0, -1))),
  intruder('somebody with another name', basic('root', password)),
  intruder('somebody with the password alone', basic('', password)),
  intruder('somebody with another scheme', basic(username, password).replace('Basic', 'Bearer')),
  intruder('somebody whose credentials are not base64', 'Basic !!!!'),
];

/** The WebSocket channel with a codec and a format of control messages, as the dial string names them. */
export function asteriskDriver(dialled: Partial<Dialled> = {}): CarrierDriver<ChannelCall> {
  const { format = 'ulaw', control = 'json' } = dialled;
  const audio = channelFormats[format];
  let calls = 0;
  return {
    traits: {
      receives: audio,
      sends: audio,
      frameMs,
      marks: 'dropped',
      digits: true,
      clears: true,
      goodbyeCode: 1000,
    },
    prepare: settingsAlone({ ASTERISK_WS_USERNAME: username, ASTERISK_WS_PASSWORD: password }),
    badInput: [...atTheStart, ...live, ...(audio.encoding === 'pcm16' ? [halfASample] : [])],
    oddities,
    intruders,
    async call(gatewayUrl, changed, begin) {
      calls += 1;
      const socket = connect(gatewayUrl, basic(username, password));
      const made = new ChannelCall(socket, calls, { format, control }, changed);
      await once(socket, 'open');
      if (begin) made.begin();
      return made;
    },
  };
}
