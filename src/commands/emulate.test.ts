import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { TestClient } from '../emulators/openai-realtime/test-client.ts';
import { emulate } from './emulate.ts';

function io(onOut?: (line: string) => void) {
  const out: string[] = [];
  const err: string[] = [];
  const stop = new AbortController();
  return {
    out: (line: string) => {
      out.push(line);
      onOut?.(line);
    },
    err: (line: string) => {
      err.push(line);
    },
    signal: stop.signal,
    stop: () => stop.abort(),
    lines: { out, err },
  };
}

describe('patchcord emulate', () => {
  it('serves until it is told to end, and prints its address', async () => {
    let found: (url: string) => void = () => undefined;
    const url = new Promise<string>((resolve) => {
      found = resolve;
    });
    const streams = io((line) => found(/ws:\S+/.exec(line)?.[0] ?? ''));
    const options = ['--port', '0', '--behaviour', 'tone', '--fault', 'errorCode=told', '--api-key', 'k'];
    const code = emulate(['openai', ...options], streams);
    const client = new TestClient(await url, [], { authorization: 'Bearer k' });
    expect((await client.next('error')).error).toMatchObject({ code: 'told' });
    streams.stop();
    expect(await code).toBe(0);
    expect(await client.closed()).toMatchObject({ code: 1006 });
  });

  it('explains itself', async () => {
    const streams = io();
    expect(await emulate(['--help'], streams)).toBe(0);
    expect(streams.lines.out.join()).toContain('dropAfterAudioMs');
  });

  it('says with a code that another program has its port', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const streams = io();
    expect(await emulate(['openai', '--port', String(port)], streams)).toBe(1);
    await new Promise((resolve) => taken.close(resolve));
    expect(streams.lines.err.join()).toContain(
      `PATCHCORD_CONFIG_INVALID: --port: cannot listen on port ${port}: another program listens there`,
    );
  });

  it('refuses arguments that make no sense', async () => {
    const wrong = [
      ['gemini'],
      [],
      ['openai', '--behaviour', 'x'],
      ['openai', '--speed', 'fast'],
      ['openai', '--fault', 'x=1'],
      ['openai', '--nope'],
    ];
    for (const args of wrong) {
      const streams = io();
      expect(await emulate(args, streams)).toBe(2);
      expect(streams.lines.err.join()).toContain('--help');
    }
  });
});
