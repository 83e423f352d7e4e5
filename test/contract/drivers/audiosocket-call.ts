import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type AudioFormat, bytesPerMs, pcm16At } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import {
  audioFrame,
  audioKind,
  digitFrame,
  type GatewayFrame,
  GatewayFrameReader,
  uuidFrame,
} from '../../../src/emulators/asterisk/audiosocket-frame.ts';
import type { CarrierCall, Prepared } from '../carrier-driver.ts';
import { Ear } from '../ear.ts';
import { apiKey } from '../stage.ts';

/** Written from Asterisk's documentation, "AudioSocket", and from what Asterisk 22.10 was seen to do. */

export const frameMs = 20;

/** TCP has no close codes. These say what the gateway did, in the numbers of WebSocket. */
export const closes = {
  /** It hung up, with the frame that says so, in a call that it had taken: it had sent audio. */
  hungUp: 1000,
  /** The same before any audio: the call was not taken. */
  refused: 1008,
  /** It closed without a word. */
  wordless: 1006,
} as const;

export interface AudioSocketReady extends Prepared {
  readonly port: number;
}

/** Calls from here are taken unannounced; from `strangerAddress` they are not. */
const allowedAddress = '127.0.0.1';
export const strangerAddress = '127.0.0.2';

/** On any free port; which one is known when the gateway is up. */
export function prepare(): Promise<AudioSocketReady> {
  let port = 0;
  return Promise.resolve({
    env: { AUDIOSOCKET_PORT: '0', AUDIOSOCKET_ALLOW: allowedAddress },
    get port() {
      return port;
    },
    listening(listeners) {
      port = listeners.find(({ name }) => name === 'AUDIOSOCKET_PORT')?.port ?? 0;
    },
    close: () => Promise.resolve(),
  });
}

export class AudioSocketCall implements CarrierCall {
  readonly carrierCallId: string;
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly closed: Promise<number>;
  /** Settles with the first audio of the gateway. */
  readonly taken: Promise<void>;
  closeCode: number | undefined;
  readonly format: AudioFormat;
  readonly #socket: Socket;
  readonly #changed: () => void;
  readonly #reader = new GatewayFrameReader();
  readonly #kind: number;
  #timer: NodeJS.Timeout | undefined;
  #heardAnything: (() => void) | undefined;
  #isTaken = false;
  #hungUp = false;

  constructor(socket: Socket, uuid: string, sampleRate: number, changed: () => void) {
    this.carrierCallId = uuid;
    this.format = pcm16At(sampleRate);
    this.#kind = audioKind(sampleRate) ?? 0;
    this.#socket = socket;
    this.#changed = changed;
    this.ear = new Ear(new SystemClock(), bytesPerMs(this.format), {
      played: () => undefined,
      cleared: () => undefined,
      changed,
    });
    this.taken = new Promise((resolve) => {
      this.#heardAnything = resolve;
    });
    socket.on('data', (data: Buffer) => this.#received(data));
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        clearInterval(this.#timer);
        const code = this.#howClosed();
        this.closeCode = code;
        this.ear.close();
        changed();
        resolve(code);
      });
    });
  }

  /** The UUID, and a packet of the phone, which tells the rate: two samples, so that nobody hears it. */
  begin(): void {
    this.write(Buffer.concat([uuidFrame(this.carrierCallId), audioFrame(this.#kind, Buffer.alloc(4))]));
  }

  send(audio: Buffer): void {
    this.packets(audio, frameMs);
  }

  /** The phone's packets may be of any length. */
  packets(audio: Buffer, packetMs: number): void {
    const bytes = packetMs * bytesPerMs(this.format);
    for (let at = 0; at < audio.length; at += bytes) {
      this.write(audioFrame(this.#kind, audio.subarray(at, at + bytes)));
    }
  }

  /** One frame every 20 ms, on absolute deadlines. */
  inRealTime(frames: readonly Buffer[]): void {
    const startedAt = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor((performance.now() - startedAt) / frameMs);
      for (const frame of frames.slice(sent, due)) this.write(frame);
      sent = due;
      if (sent >= frames.length) clearInterval(this.#timer);
    }, frameMs / 2);
  }

  press(digit: string): void {
    this.write(digitFrame(digit));
  }

  /** Asterisk closes, and says nothing. */
  hangUp(): void {
    this.#socket.end();
  }

  lose(): void {
    this.#socket.resetAndDestroy();
  }

  raw(data: string | Buffer): void {
    this.write(Buffer.from(data));
  }

  write(data: Buffer): void {
    if (this.#socket.writable) this.#socket.write(data);
  }

  #howClosed(): number {
    if (!this.#hungUp) return closes.wordless;
    return this.#isTaken ? closes.hungUp : closes.refused;
  }

  #received(data: Buffer): void {
    for (const frame of this.#reader.read(data)) this.#frame(frame);
    this.#changed();
  }

  #frame(frame: GatewayFrame): void {
    switch (frame.type) {
      case 'hang-up':
        this.#hungUp = true;
        this.#socket.end();
        return;
      case 'fatal':
        this.violations.push(`${frame.violation}: ${frame.detail}`);
        return;
      case 'audio':
        this.#isTaken = true;
        this.#heardAnything?.();
        this.#audio(frame.audio, frame.sampleRate);
    }
  }

  /** Silence that fills pauses is not the agent's. */
  #audio(audio: Buffer, sampleRate: number): void {
    if (audio.every((byte) => byte === 0)) return;
    if (sampleRate !== this.format.sampleRate) this.violations.push(`audio at ${sampleRate} Hz`);
    if (audio.length !== frameMs * bytesPerMs(this.format)) this.violations.push(`${audio.length} bytes`);
    this.ear.play(audio);
  }
}

export async function open(
  port: number,
  sampleRate: number,
  changed: () => void,
  from: { readonly uuid?: string; readonly address?: string } = {},
): Promise<AudioSocketCall> {
  const { uuid = randomUUID(), address = allowedAddress } = from;
  const socket = connectTcp({ host: allowedAddress, port, localAddress: address, noDelay: true });
  const call = new AudioSocketCall(socket, uuid, sampleRate, changed);
  await once(socket, 'connect');
  return call;
}

/** Tells the gateway that a call with this UUID will come. */
export async function announce(gatewayUrl: string, id: string): Promise<void> {
  const response = await fetch(`${gatewayUrl}/v1/announcements`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ carrier: 'audiosocket', id }),
  });
  await response.text();
  if (response.status !== 201) throw new Error(`the announcement was answered with ${response.status}`);
}
