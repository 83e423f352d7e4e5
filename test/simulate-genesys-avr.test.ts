import { describe, expect, it } from 'vitest';
import { silentLogger } from '../src/base/logger.ts';
import { simulate } from '../src/commands/simulate.ts';
import type { SimulationReport } from '../src/commands/simulate-report.ts';
import { loadSettings } from '../src/config/environment.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { apiKey, clientSecret } from './contract/drivers/genesys-call.ts';

const genesys = { GENESYS_API_KEY: apiKey, GENESYS_CLIENT_SECRET: clientSecret };

/** A gateway on the demo voice. */
async function onGateway(
  env: Readonly<Record<string, string>>,
  play: (gateway: Gateway) => Promise<void>,
): Promise<void> {
  const settings = loadSettings({ HOST: '127.0.0.1', PORT: '0', ...env });
  const gateway = await startGateway({ settings, log: silentLogger });
  try {
    await play(gateway);
  } finally {
    await gateway.close();
  }
}

async function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    env,
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    onStop: () => undefined,
  };
  return { code: await simulate(args, io), out, err };
}

describe.concurrent('patchcord simulate against the gateway', () => {
  it.each([
    ['genesys', genesys, ['--frame-bytes', '800']],
    ['genesys', genesys, []],
    ['avr', {}, []],
    ['avr-http', {}, ['--chunks', 'odd']],
  ])('plays calls of %s that are greeted, interrupt, and are obeyed', async (carrier, env, more) => {
    await onGateway(env, async ({ url }) => {
      const args = ['--url', url, '--carrier', carrier, '--seconds', '3', '--barge-in', '1', '--json'];
      const { code, out } = await run([...args, '--barge-in-after', '500', ...more], env);
      const report = JSON.parse(out.join('')) as SimulationReport;
      expect(report.reasons).toEqual({});
      expect(code).toBe(0);
      expect(report.violations.count).toBe(0);
      expect(report.bargeInToClearMs?.count).toBe(1);
    });
  });

  it.each(['avr', 'avr-http'])('calls as %s where the gateway has a public address', async (carrier) => {
    const env = { PUBLIC_URL: 'https://gw.example.com' };
    await onGateway(env, async ({ url }) => {
      const { code, out } = await run(['--url', url, '--carrier', carrier, '--seconds', '1'], env);
      expect(out.join('\n')).toContain('1 ok');
      expect(code).toBe(0);
    });
  });

  it('calls the gateway at PORT where no address is given', async () => {
    await onGateway({}, async ({ url }) => {
      const { code } = await run(['--carrier', 'avr', '--seconds', '1'], { PORT: new URL(url).port });
      expect(code).toBe(0);
    });
  });

  it('says what is missing when Genesys is refused', async () => {
    await onGateway(genesys, async ({ url }) => {
      const args = ['--url', url, '--carrier', 'genesys', '--seconds', '1'];
      const { code, out } = await run(args, { ...genesys, GENESYS_API_KEY: 'another' });
      expect(code).toBe(1);
      expect(out.join('\n')).toContain('HTTP 401');
      expect(out.join('\n')).toContain('GENESYS_CLIENT_SECRET');
      expect((await run(args)).err.join('\n')).toContain('no GENESYS_API_KEY');
    });
  });

  it.each([
    [['--carrier', 'genesys', '--frame-bytes', '7'], '--frame-bytes is 800 or 1600'],
    [
      ['--carrier', 'genesys', '--client-secret', 'no base64'],
      '--client-secret (or GENESYS_CLIENT_SECRET) is',
    ],
    [['--carrier', 'genesys', '--client-secret', ''], 'is a secret in base64'],
    [['--carrier', 'avr-http', '--chunks', 'even'], '--chunks is frames or odd'],
    [['--carrier', 'avr-http', '--digits', '5'], '--digits is not for --carrier avr-http'],
    [['--carrier', 'avr', '--ami-port', 'none'], '--ami-port is a port'],
    [['--carrier', 'avr', '--api-key', 'x'], '--api-key is not for --carrier avr'],
  ])('says what is wrong with %j', async (args, line) => {
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err[0]).toContain(line);
  });
});
