import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { pcm16At } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import { frameBytes } from '../../../src/emulators/avr/gateway-message.ts';
import type { BadInput, CarrierCall, CarrierDriver, Intruder, Oddity } from '../carrier-driver.ts';
import { Ear } from '../ear.ts';
import { speech } from '../sounds.ts';
import { type AvrPrepared, allowedAddress, prepare, strangeAddress } from './avr-prepared.ts';

/** Written from AVR's "STS HTTP protocol": one exchange, whose two bodies are the two directions. */

const format = pcm16At(8000);
const bytesPerMs = 16;
/** For the two ways in which an answer can end: in order, and broken off. */
const ended = 1000;
const brokenOff = 1006;

class AvrHttpCall implements CarrierCall {
  readonly carrierCallId: string;
  readonly ear: Ear;
  readonly violations: string[] = [];
  readonly closed: Promise<number>;
  closeCode: number | undefined;
  readonly #request: ClientRequest;

  constructor(
    request: ClientRequest,
    response: IncomingMessage,
    uuid: string,
    { ami }: AvrPrepared,
    changed: () => void,
  ) {
    this.#request = request;
    this.carrierCallId = uuid;
    const nothing = (): void => undefined;
    this.ear = new Ear(new SystemClock(), bytesPerMs, { played: nothing, cleared: nothing, changed });
    const type = response.headers['content-type'];
    if (type !== 'text/event-stream') this.violations.push(`content type ${type}`);
    const forget = ami.add(uuid, { hangUp: () => this.hangUp(), transfer: () => this.hangUp() });
    response.on('data', (audio: Buffer) => {
      if (audio.length % frameBytes !== 0) this.violations.push(`${audio.length} bytes, which are no frames`);
      this.ear.play(audio);
    });
    // What follows is `close`, with or without an end.
    response.on('error', nothing);
    this.closed = new Promise((resolve) => {
      response.on('close', () => {
        this.closeCode = response.complete ? ended : brokenOff;
        request.end();
        forget();
        this.ear.close();
        changed();
        resolve(this.closeCode);
      });
    });
  }

  send(audio: Buffer, pieceBytes = frameBytes): void {
    for (let at = 0; at < audio.length; at += pieceBytes) this.raw(audio.subarray(at, at + pieceBytes));
  }

  press(): void {
    throw new Error('there are no keys on this line');
  }

  hangUp(): void {
    this.#request.end();
  }

  lose(): void {
    this.#request.destroy();
  }

  raw(data: string | Buffer): void {
    if (!this.#request.writableEnded && !this.#request.destroyed) this.#request.write(data);
  }
}

function ask(gatewayUrl: string, localAddress: string, uuid: string): ClientRequest {
  const request = httpRequest(`${gatewayUrl}/speech-to-speech-stream`, {
    method: 'POST',
    agent: false,
    localAddress,
    headers: { 'content-type': 'audio/x-raw', 'transfer-encoding': 'chunked', 'x-uuid': uuid },
  });
  request.flushHeaders();
  return request;
}

/** The answer has to begin before the request says anything. */
async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

async function call(
  gatewayUrl: string,
  changed: () => void,
  _begin: boolean,
  prepared: AvrPrepared,
): Promise<AvrHttpCall> {
  const uuid = randomUUID();
  const request = ask(gatewayUrl, allowedAddress, uuid);
  // A request that cannot be written any more ends with its answer.
  request.on('error', () => request.destroy());
  const response = await answerTo(request);
  if (response.statusCode === 200) return new AvrHttpCall(request, response, uuid, prepared, changed);
  request.destroy();
  throw new Error(`HTTP ${response.statusCode}`);
}

const badInput: BadInput<AvrHttpCall>[] = [
  {
    name: 'a flood',
    when: 'live',
    code: 'PATCHCORD_PEER_FLOOD',
    closes: ended,
    send: (it) => it.send(speech(format, 60_000)),
  },
];

const oddities: Oddity<AvrHttpCall>[] = [
  { name: 'audio cut within samples', send: (it, audio) => it.send(audio, 33) },
  { name: 'audio a byte at a time', send: (it, audio) => it.send(audio, 1) },
];

const intruders: Intruder<AvrPrepared>[] = [
  {
    name: 'a core from an address that is not allowed',
    code: 'PATCHCORD_PEER_NOT_ALLOWED',
    turnedAway: 403,
    attempt: async (gatewayUrl) => {
      const request = ask(gatewayUrl, strangeAddress, randomUUID());
      request.on('error', () => request.destroy());
      const response = await answerTo(request);
      request.destroy();
      return response.statusCode ?? 0;
    },
  },
];

export const avrHttpDriver: CarrierDriver<AvrHttpCall, AvrPrepared> = {
  traits: {
    receives: format,
    sends: format,
    frameMs: 20,
    marks: 'none',
    digits: 'AVR over HTTP has no message for keys',
    clears: false,
    goodbyeCode: ended,
  },
  prepare,
  badInput,
  oddities,
  intruders,
  call,
};
