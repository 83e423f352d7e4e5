import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { loadSettings } from '../config/environment.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { simulate } from './simulate.ts';

const credentials = { ASTERISK_WS_USERNAME: 'pbx', ASTERISK_WS_PASSWORD: 'secret' };

let gateway: Gateway;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const settings = loadSettings({ HOST: '127.0.0.1', PORT: '0', AUDIOSOCKET_PORT: '0', ...credentials });
  gateway = await startGateway({ settings, log: silentLogger });
  const port = gateway.listeners.find(({ name }) => name === 'AUDIOSOCKET_PORT')?.port;
  env = { AUDIOSOCKET_PORT: String(port), ...credentials };
});

afterAll(() => gateway.close());

async function run(carrier: string, args: readonly string[], given: NodeJS.ProcessEnv = env) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    env: given,
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    onStop: () => undefined,
  };
  const all = ['--url', gateway.url, '--carrier', carrier, '--seconds', '1.5', ...args];
  return { code: await simulate(all, io), out: out.join('\n'), err: err.join('\n') };
}

describe('patchcord simulate as Asterisk', () => {
  it.each([
    ['audiosocket', []],
    ['audiosocket', ['--format', 'slin16', '--packet', '60']],
    ['asterisk', []],
    ['asterisk', ['--format', 'slin16', '--control', 'plain-text']],
  ])('has the demo voice answer over %s %j', async (carrier, args) => {
    const { code, out, err } = await run(carrier, args);
    expect([out, err, code].join('\n')).toMatch(/1 ok, 0 failed, 0 dropped/);
    expect(out).toMatch(/pick-up to first audio \(ms\) +1 /);
    expect(out).toMatch(/protocol violations +0/);
    expect(/between two agent frames/.test(out)).toBe(carrier === 'audiosocket');
    expect([code, err]).toEqual([0, '']);
  });

  it('says what to do when the gateway refuses the password', async () => {
    const { code, out } = await run('asterisk', ['--ws-password', 'wrong']);
    expect(code).toBe(1);
    expect(out).toContain('HTTP 401');
    expect(out).toContain('the same ASTERISK_WS_USERNAME');
  });

  it.each([
    ['audiosocket', ['--format', 'opus'], '--format is one of slin, slin16, slin24, slin48, ulaw'],
    ['audiosocket', ['--uuid', 'mine'], '--uuid is a UUID such as'],
    ['audiosocket', ['--tcp-port', 'x'], '--tcp-port is a port'],
    ['audiosocket', ['--packet', '30'], '--packet is one of 20, 40, 60'],
    ['audiosocket', ['--control', 'json'], '--control is not for --carrier audiosocket'],
    ['asterisk', ['--control', 'xml'], '--control is one of json, plain-text'],
  ])('does not begin with %s %j', async (carrier, args, reason) => {
    const { code, err } = await run(carrier, args);
    expect([code, err]).toEqual([2, expect.stringContaining(reason)]);
  });

  it('warns that it has no user name', async () => {
    const { code, err } = await run('asterisk', [], {});
    expect(code).toBe(1);
    expect(err).toContain('No --ws-username');
  });
});
