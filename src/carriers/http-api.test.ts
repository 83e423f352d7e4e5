import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { basicAuthorization, carrierSaid, HttpApi } from './http-api.ts';

let server: Server;
let baseUrl: string;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;

beforeEach(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => answer(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const authorization = basicAuthorization('user', 'hidden');
const api = (clock = new SystemClock()) =>
  new HttpApi({ carrier: 'acme', baseUrl, authorization, clock, deadlineMs: 1000 });
const failure = async (promise: Promise<unknown>): Promise<PatchcordError> => {
  const thrown = await promise.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(PatchcordError);
  return thrown as PatchcordError;
};

describe("a carrier's API", () => {
  it('gets forms and JSON, with the credentials', async () => {
    const seen: unknown[] = [];
    answer = (request, response, body) => {
      const { method, url, headers } = request;
      seen.push([method, url, headers['content-type'], headers.authorization, body]);
      response.end('{"ok":true}');
    };
    expect(
      await api().request('POST', '/a', {
        form: [
          ['x', '1 2'],
          ['x', '+3'],
        ],
      }),
    ).toEqual({ status: 200, body: { ok: true } });
    await api().request('POST', '/b', { json: { x: 1 } });
    await api().request('DELETE', '/c');
    expect(seen).toEqual([
      ['POST', '/v1/a', 'application/x-www-form-urlencoded', authorization, 'x=1+2&x=%2B3'],
      ['POST', '/v1/b', 'application/json', authorization, '{"x":1}'],
      ['DELETE', '/v1/c', undefined, authorization, ''],
    ]);
  });

  it('may answer with nothing, or with what is no JSON', async () => {
    answer = (_request, response) => response.writeHead(204).end();
    expect(await api().request('DELETE', '/')).toEqual({ status: 204, body: undefined });
    answer = (_request, response) => response.end('<html>');
    expect(await api().request('GET', '/')).toEqual({ status: 200, body: undefined });
  });

  it('is quoted with status when it refuses, without the credentials or the body', async () => {
    answer = (_request, response) => response.writeHead(422).end('{}');
    const error = await failure(api().request('POST', '/calls', { json: { to: 'secret number' } }));
    expect(error).toMatchObject({ code: 'PATCHCORD_CARRIER_API', details: { carrier: 'acme', status: 422 } });
    const shown = `${error.message} ${JSON.stringify(error.details)} ${String(error.cause)}`;
    expect(shown).not.toContain('secret');
    expect(shown).not.toContain('hidden');
    expect(shown).not.toContain(authorization);
  });

  it('says how long to wait, where the carrier does', async () => {
    for (const [after, retryAfterMs] of [
      ['7', 7000],
      ['soon', undefined],
    ]) {
      answer = (_request, response) => response.writeHead(429, { 'retry-after': `${after}` }).end();
      const { details } = await failure(api().request('POST', '/calls'));
      expect(details).toEqual({ carrier: 'acme', method: 'POST', path: '/calls', status: 429, retryAfterMs });
    }
  });

  it('is quoted in words, which may name numbers, only to who asks for them and not in what is logged', async () => {
    answer = (_request, response) => response.writeHead(400).end('+15551230100 is not valid');
    const readError = () => ({ code: '21211', message: '+15551230100 is not valid' });
    const quoting = new HttpApi({
      carrier: 'acme',
      baseUrl,
      authorization,
      clock: new SystemClock(),
      readError,
    });
    const error = await failure(quoting.request('POST', '/calls'));
    expect(error.message).toBe('acme: POST /calls: 400 (21211)');
    expect(JSON.stringify(error.details)).not.toContain('+1555');
    expect(carrierSaid(error)).toBe('+15551230100 is not valid');
    expect(carrierSaid(new PatchcordError('PATCHCORD_CARRIER_API'))).toBeUndefined();
  });

  it('sends no credentials where the API knows none', async () => {
    const seen = Promise.withResolvers<string | undefined>();
    answer = (request, response) => {
      seen.resolve(request.headers.authorization);
      response.end('{}');
    };
    await new HttpApi({ carrier: 'acme', baseUrl, clock: new SystemClock() }).request('POST', '/');
    expect(await seen.promise).toBeUndefined();
  });

  it('is not waited for longer than the deadline, for its head or for its body', async () => {
    for (const start of [false, true]) {
      const clock = new VirtualClock();
      const asked = Promise.withResolvers<void>();
      answer = (_request, response) => {
        if (start) response.write('{"half":');
        asked.resolve();
      };
      const error = failure(api(clock).request('GET', '/slow'));
      await asked.promise;
      clock.advance(1000);
      expect((await error).message).toContain('no answer within 1000 ms');
      expect(clock.pending).toBe(0);
    }
  });

  it('keeps what failed, for whoever explains it', async () => {
    answer = (request) => request.socket.destroy();
    const error = await failure(api().request('GET', '/'));
    expect(error.cause).toMatchObject({ cause: { code: 'UND_ERR_SOCKET' } });
    expect(carrierSaid(error)).toBeUndefined();
  });

  it('never takes the credentials to another address', async () => {
    let requests = 0;
    answer = (_request, response) => {
      requests += 1;
      response.writeHead(302, { location: `${baseUrl}/elsewhere` }).end();
    };
    expect((await failure(api().request('GET', '/'))).code).toBe('PATCHCORD_CARRIER_API');
    expect(requests).toBe(1);
  });

  it('is not read without end', async () => {
    answer = (_request, response) => response.end('x'.repeat(1_100_000));
    expect((await failure(api().request('GET', '/'))).message).toContain('larger than');
  });
});
