import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../base/clock.ts';
import { generateSpeech } from '../phone/caller-audio.ts';
import { FakeAvrHttpCall, type FakeAvrHttpCallOptions } from './http-call.ts';

const clock = new SystemClock();
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A connector of the plainest kind, which knows nothing of the gateway. */
async function connector(answer: (response: ServerResponse, request: IncomingMessage) => void) {
  const requests: IncomingMessage[] = [];
  const bodies: Buffer[] = [];
  const http = createServer((request, response) => {
    requests.push(request);
    request.on('data', (piece: Buffer) => bodies.push(piece));
    request.on('error', () => response.destroy());
    answer(response, request);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  open.push(async () => {
    http.closeAllConnections();
    await new Promise<void>((resolve) => http.close(() => resolve()));
  });
  return { gatewayUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, requests, bodies };
}

/** Answers at once, speaks `frames` frames of 20 ms, one every `everyMs`, and ends with the request. */
function speaking(frames: number, everyMs: number) {
  return (response: ServerResponse, request: IncomingMessage): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < frames) response.write(Buffer.alloc(320, 0x30));
      sent += 1;
    }, everyMs);
    request.on('close', () => clearInterval(timer));
    request.on('end', () => response.end());
  };
}

function newCall(gatewayUrl: string, options: Partial<FakeAvrHttpCallOptions> = {}): FakeAvrHttpCall {
  return new FakeAvrHttpCall({ clock, gatewayUrl, ...options });
}

describe('FakeAvrHttpCall', () => {
  it('sends the caller in one request and hears the agent in its answer', async () => {
    const { gatewayUrl, requests, bodies } = await connector(speaking(10, 20));
    const record = await newCall(gatewayUrl, {
      uuid: 'u-1',
      steps: [{ do: 'speak', audio: generateSpeech(400) }, { do: 'hangup' }],
    }).run();
    expect(record).toMatchObject({ failure: undefined, uuid: 'u-1' });
    expect(record.stream).toMatchObject({ endedBy: 'caller', violationCount: 0 });
    expect(record.stream?.firstAudioAtMs).toBeDefined();
    expect(record.exchange).toMatchObject({ contentType: 'text/event-stream', endedInOrder: true });
    expect(record.exchange?.pacing.frames).toBe(10);
    expect(requests[0]?.method).toBe('POST');
    expect(requests[0]?.url).toBe('/speech-to-speech-stream');
    expect(requests[0]?.headers).toMatchObject({
      'content-type': 'audio/x-raw',
      'transfer-encoding': 'chunked',
      'x-uuid': 'u-1',
    });
    expect(Buffer.concat(bodies).length % 320).toBe(0);
    expect(Buffer.concat(bodies).length).toBeGreaterThanOrEqual(20 * 320);
  });

  it('cuts its body at odd places and loses nothing', async () => {
    const { gatewayUrl, bodies } = await connector(speaking(0, 20));
    const record = await newCall(gatewayUrl, {
      oddChunks: true,
      steps: [{ do: 'wait', ms: 300 }, { do: 'hangup' }],
    }).run();
    expect(record.failure).toBeUndefined();
    expect(bodies.some(({ length }) => length % 2 === 1)).toBe(true);
    expect(Buffer.concat(bodies).length).toBe((record.stream?.framesSent ?? 0) * 320);
  });

  it('measures an agent that does not keep real time', async () => {
    const { gatewayUrl } = await connector((response, request) => {
      response.write(Buffer.alloc(320 * 25, 0x30));
      request.on('end', () => response.end());
    });
    const record = await newCall(gatewayUrl, { maxCallMs: 200 }).run();
    expect(record.exchange?.pacing.frames).toBe(25);
    expect(record.exchange?.pacing.maxEarlyMs).toBeGreaterThan(400);
  });

  it('ends when the answer does', async () => {
    const { gatewayUrl } = await connector((response) => {
      response.write(Buffer.alloc(321));
      setTimeout(() => response.end(), 50);
    });
    const record = await newCall(gatewayUrl).run();
    expect(record.failure).toBeUndefined();
    expect(record.stream?.endedBy).toBe('gateway');
  });

  it('ends at once where the caller hangs up before the answer begins', async () => {
    const { gatewayUrl } = await connector(speaking(10, 20));
    const call = newCall(gatewayUrl, { maxCallMs: 5_000 });
    const running = call.run();
    call.hangUp();
    const { failure, stream, startedAtMs, endedAtMs } = await running;
    expect({ failure, endedBy: stream?.endedBy }).toEqual({ failure: undefined, endedBy: 'caller' });
    expect(endedAtMs - startedAtMs).toBeLessThan(2_000);
  });

  it('says why when it is refused, lost, or left hanging', async () => {
    const refusing = await connector((response) => response.writeHead(500).end('{"message":"no model"}'));
    expect((await newCall(refusing.gatewayUrl).run()).failure).toContain('HTTP 500');
    const losing = await connector((response) => {
      response.write(Buffer.alloc(320));
      setTimeout(() => response.destroy(), 50);
    });
    const lost = await newCall(losing.gatewayUrl).run();
    expect(lost.failure).toBe('the exchange was lost');
    const hanging = await connector((response) => response.flushHeaders());
    const left = await newCall(hanging.gatewayUrl, { maxCallMs: 50 }).run();
    expect(left.failure).toBe('the answer did not end in order');
    expect(left.exchange?.endedInOrder).toBe(false);
  });
});
