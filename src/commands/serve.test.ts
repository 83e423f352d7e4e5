import { afterEach, describe, expect, it } from 'vitest';
import { serve } from './serve.ts';
import { LocalServers } from './testing/doctor-run.ts';

const servers = new LocalServers();
afterEach(() => servers.close());

/** What `patchcord serve` prints until it listens. */
async function greeting(env: Readonly<Record<string, string>>): Promise<string[]> {
  const lines: string[] = [];
  const code = await serve([], {
    env: { HOST: '127.0.0.1', PORT: '0', PATCHCORD_LOG_LEVEL: 'error', ...env },
    out: (line) => lines.push(line),
    err: (line) => lines.push(line),
    onStop: (handler) => queueMicrotask(handler),
  });
  expect(code).toBe(0);
  return lines;
}

describe('patchcord serve', () => {
  it('names the setting that keeps it from listening', async () => {
    const lines: string[] = [];
    const code = await serve([], {
      env: { HOST: 'nonsense', PORT: '0', PATCHCORD_LOG_LEVEL: 'error' },
      out: (line) => lines.push(line),
      err: (line) => lines.push(line),
      onStop: () => undefined,
    });
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^patchcord: HOST is neither an address nor a name/)]);
  });

  it('tells elsewhere an address that leads there, or the key alone', async () => {
    const alone = await greeting({});
    expect(alone.join('\n')).toMatch(/listening on http:\/\/127\.0\.0\.1:\d+/);
    expect(alone.find((line) => line.includes('?key='))).not.toContain('http');
    const reached = await greeting({ PUBLIC_URL: 'https://gw.example.com' });
    expect(reached.join('\n')).toContain('From elsewhere: https://gw.example.com/?key=');
    const everywhere = await greeting({ HOST: '0.0.0.0' });
    expect(everywhere.join('\n')).toMatch(/From elsewhere: http:\/\/ADDRESS-OF-THIS-MACHINE:\d+\/\?key=/);
    const keyed = await greeting({ PATCHCORD_API_KEYS: 'a-key-of-the-test-alone' });
    expect(keyed.join('\n')).not.toContain('?key=');
  });

  it('warns loudly when a proxy makes everybody look local', async () => {
    const { url } = await servers.api({ '/v1/status': [200, { liveCalls: 0 }] });
    // Of this machine too, but nothing that a request from elsewhere could not name.
    const publicUrl = url.replace('127.0.0.1', '0.0.0.0');
    const lines: string[] = [];
    let stop: () => void = () => undefined;
    await serve([], {
      env: { HOST: '127.0.0.1', PORT: '0', PATCHCORD_LOG_LEVEL: 'error', PUBLIC_URL: publicUrl },
      out: () => undefined,
      err: (line) => {
        lines.push(line);
        if (line.startsWith('WARNING')) stop();
      },
      onStop: (handler) => {
        stop = handler;
      },
    });
    expect(lines.at(-1)).toMatch(/^WARNING: everybody can use .* without a key .*X-Forwarded-For/);
  });
});
