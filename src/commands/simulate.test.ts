import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  answer,
  type TinyGateway,
  type TinyGatewayOptions,
  tinyGateway,
} from '../../test/support/tiny-gateway.ts';
import {
  answer as plivoAnswer,
  streamIdOf,
  tinyPlivoGateway,
} from '../../test/support/tiny-plivo-gateway.ts';
import { TinyTelnyx, answer as telnyxAnswer } from '../../test/support/tiny-telnyx-gateway.ts';
import { sine } from '../audio/tones.ts';
import { writeWav } from '../audio/wav.ts';
import { simulate } from './simulate.ts';
import type { SimulationReport } from './simulate-report.ts';

const authToken = '0123456789abcdef0123456789abcdef';
/** `docs/simulate.md` names it. */
const publicKeyOfSeed1 = 'rwlLXYk7M17LB8k//hobls9ooG4pe1/hRf9xp377XRU=';
const open: TinyGateway[] = [];

afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

const silence = Buffer.alloc(160, 0xff).toString('base64');

/** Greets, and clears at the caller's first loud frame. */
const polite: NonNullable<TinyGatewayOptions['onStream']> = (socket, frame) => {
  const media = frame.media as { payload: string } | undefined;
  if (frame.event === 'start') answer(socket, frame.streamSid, 2000);
  if (media === undefined || media.payload === silence) return;
  socket.send(JSON.stringify({ event: 'clear', streamSid: frame.streamSid }));
};

async function run(
  args: string[],
  gatewayOptions: Partial<TinyGatewayOptions> = {},
  env: NodeJS.ProcessEnv = {},
) {
  const gateway = await tinyGateway({ authToken, onStream: polite, ...gatewayOptions });
  open.push(gateway);
  return { gateway, ...runAgainst(gateway.url, args, { TWILIO_AUTH_TOKEN: authToken, ...env }) };
}

function runAgainst(url: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const out: string[] = [];
  const err: string[] = [];
  let stop: () => void = () => undefined;
  const io = {
    env,
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    onStop: (handler: () => void) => {
      stop = handler;
    },
  };
  const code = simulate(['--url', url, ...args], io);
  return { out, err, code, stop: () => stop() };
}

/** A port of this machine on which nobody listens. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('patchcord simulate', () => {
  it('runs calls side by side and prints one table', async () => {
    const { gateway, out, err, code } = await run(['--calls', '3', '--ramp', '1000', '--seconds', '0.4']);
    expect(await code).toBe(0);
    expect(err).toEqual([]);
    expect(out.join('\n')).toMatch(/calls +3 ok, 0 failed, 0 dropped/);
    expect(out.join('\n')).toMatch(/pick-up to first audio \(ms\) +3 /);
    expect(out.join('\n')).toMatch(/truncation error, absolute \(ms\) +0 +n\/a/);
    expect(gateway.webhooks).toHaveLength(3);
    expect(gateway.webhooks.every(({ signed }) => signed)).toBe(true);
    expect(gateway.upgrades.every(({ signed }) => signed)).toBe(true);
  });

  it('measures barge-ins: voice on the wire to clear, and what had been heard', async () => {
    const { out, code } = await run([
      '--barge-in',
      '1',
      '--barge-in-after',
      '200',
      '--seconds',
      '0.6',
      '--jitter',
      '5',
      '--delay',
      '10',
      '--json',
    ]);
    expect(await code).toBe(0);
    const report = JSON.parse(out.join('')) as SimulationReport;
    expect(report.calls).toEqual({ ok: 1, failed: 0, dropped: 0 });
    expect(report.bargeInToClearMs?.count).toBe(1);
    expect(report.bargeInToClearMs?.p50).toBeGreaterThanOrEqual(20);
    expect(report.bargeInsIgnored).toBe(0);
    expect(report.heardAtClearMs?.max).toBeGreaterThan(200);
    expect(report.heardAtClearMs?.max).toBeLessThan(600);
    expect(report.marks.voided).toBe(1);
    expect(report.frames.sent).toBeGreaterThan(15);
  });

  it('fails with the reason when the gateway refuses, says nothing, or breaks the protocol', async () => {
    const refused = await run(['--seconds', '0.5'], { status: 403 });
    expect(await refused.code).toBe(1);
    expect(refused.out).toContain('  1 x webhook: HTTP 403');
    expect(refused.out.join('\n')).toContain('TWILIO_AUTH_TOKEN');
    const mute = await run(['--seconds', '0.5'], { onStream: () => undefined });
    expect(await mute.code).toBe(1);
    expect(mute.out[1]).toBe('  1 x the agent was never heard');
    const rude = await run(['--seconds', '0.5'], {
      onStream: (socket, { event, streamSid }) => {
        if (event === 'start') socket.send(JSON.stringify({ event: 'mark', streamSid }));
      },
    });
    expect(await rude.code).toBe(1);
    expect(rude.out[1]).toContain('protocol violation: mark-without-name');
  });

  it('says before the figures why a call failed, and what to do where nobody listens', async () => {
    const port = await unusedPort();
    const { out, code } = runAgainst(`http://127.0.0.1:${port}`, ['--seconds', '1']);
    expect(await code).toBe(1);
    expect(out.slice(0, 3)).toEqual([
      'calls  0 ok, 1 failed, 0 dropped',
      `  1 x webhook: /incoming-call: connect ECONNREFUSED 127.0.0.1:${port}`,
      expect.stringContaining(`nothing listens at http://127.0.0.1:${port}`),
    ]);
    expect(out.slice(0, 5).join('\n')).toContain('patchcord serve');
    expect(out.slice(0, 5).join('\n')).toContain('--url');
    const audioSocket = ['--carrier', 'audiosocket', '--tcp-port', String(port), '--seconds', '1'];
    const asterisk = runAgainst('http://127.0.0.1:5050', audioSocket);
    expect(await asterisk.code).toBe(1);
    expect(asterisk.out.slice(0, 4).join('\n')).toContain('AUDIOSOCKET_PORT');
  });

  it('does not blame the gateway for sockets that it drops itself', async () => {
    const { out, code } = await run(['--drop', '1', '--seconds', '0.2', '--json']);
    expect(await code).toBe(0);
    expect((JSON.parse(out.join('')) as SimulationReport).calls).toEqual({ ok: 0, failed: 0, dropped: 1 });
  });

  it('lets the callers say what is in a WAV file, and press keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchcord-'));
    try {
      const wav = join(folder, 'hello.wav');
      await writeFile(wav, writeWav({ sampleRate: 16_000, channels: [sine(500, 100, 16_000)] }));
      const { gateway, code } = await run(
        ['--wav', wav, '--caller-first', '--digits', '5#', '--seconds', '2'],
        {
          onStream: (socket, frame) => {
            const media = frame.media as { payload: string; chunk: string } | undefined;
            if (media?.chunk === '40') answer(socket, frame.streamSid, 100);
            if ((frame.dtmf as { digit: string } | undefined)?.digit === '#') socket.close();
          },
        },
      );
      expect(await code).toBe(0);
      const spoken = gateway.frames.filter(
        ({ event, media }) => event === 'media' && (media as { payload: string }).payload !== silence,
      );
      expect(spoken).toHaveLength(5);
      expect(gateway.frames.filter(({ event }) => event === 'dtmf')).toHaveLength(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('signs for PUBLIC_URL while it calls the local address', async () => {
    const { gateway, code } = await run(
      ['--seconds', '0.2'],
      { publicUrl: 'https://gw.example.com' },
      { PUBLIC_URL: 'https://gw.example.com/' },
    );
    expect(await code).toBe(0);
    expect(gateway.webhooks).toMatchObject([{ signed: true, host: 'gw.example.com' }]);
  });

  it('hangs up everything when it is stopped, and starts no more', async () => {
    const { gateway, code, stop } = await run(['--calls', '50', '--ramp', '2', '--seconds', '600']);
    await gateway.until(() => gateway.frames.some(({ event }) => event === 'media'));
    stop();
    expect(await code).toBe(1);
    expect(gateway.webhooks.length).toBeLessThan(3);
    await gateway.until(() => gateway.frames.some(({ event }) => event === 'stop'));
  });

  it('calls a gateway as Plivo does', async () => {
    const gateway = await tinyPlivoGateway({
      authToken,
      onStream: (socket, frame) => {
        if (frame.event === 'start') plivoAnswer(socket, streamIdOf(frame), 200);
      },
    });
    try {
      const args = [
        '--carrier',
        'plivo',
        '--seconds',
        '0.5',
        '--calls',
        '2',
        '--plivo-api-port',
        '0',
        '--json',
      ];
      const { out, err, code } = runAgainst(gateway.url, args, { PLIVO_AUTH_TOKEN: authToken });
      expect(await code).toBe(0);
      const report = JSON.parse(out.join('')) as SimulationReport;
      expect(report.calls).toEqual({ ok: 2, failed: 0, dropped: 0 });
      expect(report.marks).toEqual({ returned: 2, voided: 0 });
      expect(gateway.webhooks.every(({ signed }) => signed)).toBe(true);
      expect(err.join('\n')).toMatch(/Plivo's API: http:\/\/127\.0\.0\.1:\d+\/v1/);
    } finally {
      await gateway.close();
    }
  });

  it('calls a gateway as Telnyx does, and says how that must have been started', async () => {
    const gateway = new TinyTelnyx({
      publicKey: publicKeyOfSeed1,
      apiKey: 'key',
      get apiUrl() {
        return /TELNYX_API_BASE_URL=(\S+)/.exec(told.join(' '))?.[1] ?? '';
      },
      onEvent: ({ type, payload }, tiny) => {
        if (type !== 'call.initiated') return;
        const stream = { stream_url: tiny.streamUrl, stream_bidirectional_mode: 'rtp' };
        void tiny.act(payload.call_control_id, 'answer', stream);
      },
      onStream: (socket, frame) => {
        if (frame.event === 'start') telnyxAnswer(socket, 200);
      },
    });
    await gateway.listen();
    let told: string[] = [];
    try {
      const args = [
        '--carrier',
        'telnyx',
        '--seconds',
        '0.5',
        '--telnyx-api-port',
        '0',
        '--telnyx-api-key',
        'key',
      ];
      const { out, err, code } = runAgainst(gateway.url, args);
      told = err;
      expect(await code).toBe(0);
      expect(out.join('\n')).toMatch(/calls +1 ok, 0 failed/);
      expect(gateway.events.every(({ signed }) => signed)).toBe(true);
      expect(told.join('\n')).toContain(`TELNYX_PUBLIC_KEY=${publicKeyOfSeed1}`);
    } finally {
      await gateway.close();
    }
  });

  it.each([
    [['--carrier', 'plivo', '--auth-token', 'x'], '--auth-token is not for --carrier plivo'],
    [['--carrier', 'plivo', '--plivo-api-port', 'x'], '--plivo-api-port is a port'],
    [['--carrier', 'telnyx', '--telnyx-private-key', 'AAAA'], '--telnyx-private-key is 32 bytes'],
    [['--calls', 'many'], '--calls is a number'],
    [['--url', 'gw.example.com'], '--url is an http or https URL'],
    [['--carrier', 'toString'], '--carrier is one of twilio'],
    [['--digits', 'abc'], '--digits takes'],
    [['--drop', '2'], '--drop is a number from 0 to 1'],
    [['--nonsense'], '--nonsense'],
    [['--wav', '/no/such/file.wav'], 'no such file'],
  ])('says what is wrong with %j', async (args, line) => {
    const { err, code } = await run(args);
    expect(await code).toBe(2);
    expect(err[0]).toContain(line);
  });

  it.each([
    ['telnyx', 'telnyx-api-port'],
    ['plivo', 'plivo-api-port'],
    ['avr', 'ami-port'],
    ['avr', 'model-port'],
  ])('names the option where %s cannot listen at --%s', async (carrier, option) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    try {
      const args = ['--carrier', carrier, `--${option}`, String(port)];
      const { err, code } = runAgainst('http://127.0.0.1:5050', args, { PLIVO_AUTH_TOKEN: 'token' });
      expect(await code).toBe(2);
      const why = `cannot listen on port ${port}: another program listens there; give another port`;
      expect(err).toEqual([`PATCHCORD_CONFIG_INVALID: --${option}: ${why}`]);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('explains itself', async () => {
    const { out, code } = await run(['--help']);
    expect(await code).toBe(0);
    expect(out.join('\n')).toContain('--barge-in');
  });
});
