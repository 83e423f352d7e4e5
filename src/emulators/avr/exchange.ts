import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { messageOf, PatchcordError } from '../../base/errors.ts';
import type { PhoneLine } from '../phone/line.ts';
import type { LineTransport } from '../phone/line-wire.ts';
import type { OddChunks } from './odd-chunks.ts';

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly address: URL;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Cuts the request's body at odd places. */
  readonly oddChunks?: OddChunks;
  /** For the answer's headers: it has to begin before the request ends. */
  readonly timeoutMs?: number;
  /** Takes the place of a connection over TCP. */
  readonly connect?: () => Duplex;
}

/** One HTTP exchange whose two bodies are the two directions of a call. */
export interface Exchange extends LineTransport {
  readonly contentType: string;
  /** Everything that comes goes to the line; its end is the line's. */
  join(line: PhoneLine): void;
  /** Settles with whether the answer ended in order; at the latest after so long, and then it is cut off. */
  ended(withinMs: number): Promise<boolean>;
}

/** As RFC 6455 has it for sockets: an orderly end, and a lost connection. */
const orderly = 1000;
const lost = 1006;

/** Rejects with PATCHCORD_NOT_FOUND when the gateway refuses, or does not answer in time. */
export function openExchange(options: ExchangeOptions): Promise<Exchange> {
  const { clock, address, host, headers, timeoutMs = 5_000, oddChunks, connect } = options;
  return new Promise((resolve, reject) => {
    const open = address.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = open(address, {
      method: 'POST',
      headers: { host, 'content-type': 'audio/x-raw', 'transfer-encoding': 'chunked', ...headers },
      ...(connect === undefined ? { agent: false } : { createConnection: connect }),
    });
    const fail = (message: string) => {
      deadline.cancel();
      reject(new PatchcordError('PATCHCORD_NOT_FOUND', `${address.pathname}: ${message}`));
      request.destroy();
    };
    const deadline = clock.setTimeout(() => fail('no answer in time'), timeoutMs);
    request.on('error', (error) => fail(messageOf(error)));
    request.on('response', (response) => {
      deadline.cancel();
      if (response.statusCode === 200) resolve(exchangeOf(clock, request, response, oddChunks));
      else fail(`HTTP ${response.statusCode}`);
    });
    request.flushHeaders();
  });
}

function exchangeOf(
  clock: Clock,
  request: ClientRequest,
  response: IncomingMessage,
  oddChunks: OddChunks | undefined,
): Exchange {
  let how: 'ended' | 'lost' | undefined;
  const over = new Promise<void>((resolve) => {
    response.on('end', () => {
      how ??= 'ended';
    });
    response.on('error', () => {
      how ??= 'lost';
    });
    response.on('close', () => {
      how ??= 'lost';
      resolve();
    });
  });
  const write = (frame: Buffer | string): void => {
    if (!request.writableEnded && !request.destroyed) request.write(frame);
  };
  return {
    contentType: response.headers['content-type'] ?? '',
    send: (frame) => {
      const pieces = oddChunks === undefined ? [frame] : oddChunks.push(Buffer.from(frame));
      for (const piece of pieces) write(piece);
    },
    close: () => {
      const rest = oddChunks?.flush();
      if (rest !== undefined && rest.length > 0) write(rest);
      request.end();
    },
    destroy: () => request.destroy(),
    bufferedBytes: () => request.writableLength,
    join: (line) => {
      response.on('data', (data: Buffer) => line.receive(data, true));
      void over.then(() => line.closed(how === 'ended' ? orderly : lost));
    },
    ended: (withinMs) =>
      new Promise((resolve) => {
        const deadline = clock.setTimeout(() => request.destroy(), withinMs);
        void over.then(() => {
          deadline.cancel();
          resolve(how === 'ended');
        });
      }),
  };
}
