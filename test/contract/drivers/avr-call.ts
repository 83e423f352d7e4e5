import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { SystemClock } from '../../../src/base/clock.ts';
import {
  audioMessage,
  connectorUrl,
  digitMessage,
  initMessage,
} from '../../../src/emulators/avr/core-message.ts';
import {
  frameBytes,
  type GatewayMessage,
  readGatewayMessage,
} from '../../../src/emulators/avr/gateway-message.ts';
import type { CarrierCall } from '../carrier-driver.ts';
import { Ear } from '../ear.ts';
import type { AvrPrepared } from './avr-prepared.ts';

/** Written from AVR's "STS WebSocket protocol". */

const bytesPerMs = 16;

export class AvrCall implements CarrierCall {
  readonly carrierCallId = randomUUID();
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly messages: GatewayMessage[] = [];
  readonly closed: Promise<number>;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #changed: () => void;

  constructor(socket: WebSocket, { ami }: AvrPrepared, changed: () => void) {
    this.#socket = socket;
    this.#changed = changed;
    const nothing = (): void => undefined;
    this.ear = new Ear(new SystemClock(), bytesPerMs, { played: nothing, cleared: nothing, changed });
    socket.on('message', (data: Buffer, binary) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    // Asterisk hangs up: avr-core closes its socket.
    const forget = ami.add(this.carrierCallId, {
      hangUp: () => this.hangUp(),
      transfer: () => this.hangUp(),
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.closeCode = code;
        forget();
        this.ear.close();
        changed();
        resolve(code);
      });
    });
  }

  begin(): void {
    this.raw(initMessage(this.carrierCallId), false);
  }

  message(message: object): void {
    this.raw(JSON.stringify(message), false);
  }

  send(audio: Buffer, pieceBytes = frameBytes): void {
    for (let at = 0; at < audio.length; at += pieceBytes) {
      this.raw(audioMessage(audio.toString('base64', at, Math.min(audio.length, at + pieceBytes))), false);
    }
  }

  press(digit: string): void {
    this.raw(digitMessage(digit), false);
  }

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
    const { message, fault } = readGatewayMessage(data, binary);
    if (fault !== undefined) this.violations.push(`${fault.kind}: ${fault.detail}`);
    if (message?.type === 'audio') this.ear.play(message.audio);
    else if (message?.type === 'interruption') this.ear.clear();
    if (message !== undefined && message.type !== 'audio') this.messages.push(message);
    this.#changed();
  }
}

export function connect(gatewayUrl: string, localAddress: string): WebSocket {
  const url = connectorUrl(gatewayUrl.replace('http', 'ws'), { from: '2000', to: '5001' });
  return new WebSocket(url, { localAddress, perMessageDeflate: false });
}
