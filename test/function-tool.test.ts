import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { SystemClock } from '../src/base/clock.ts';
import { scriptedBehaviour } from '../src/emulators/openai-realtime/behaviours/scripted.ts';
import { startOpenAiEmulator } from '../src/emulators/openai-realtime/server.ts';
import { FakeTwilioCall } from '../src/emulators/twilio/call.ts';

it('lets a model use the tool of examples/function-tool.ts in a call', async () => {
  const emulator = await startOpenAiEmulator({
    behaviour: scriptedBehaviour([
      { parts: [{ type: 'call', name: 'opening_hours', arguments: '{"day":"Sunday"}' }] },
      { parts: [{ type: 'call', name: 'end_call', arguments: '{}' }] },
    ]),
    pace: { latencyMs: 5 },
  });
  const example = spawn(process.execPath, [join(import.meta.dirname, '../examples/function-tool.ts')], {
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: '0',
      PUBLIC_URL: 'https://gw.example.com',
      TWILIO_AUTH_TOKEN: 'secret',
      OPENAI_API_KEY: 'key',
      OPENAI_BASE_URL: emulator.url,
      PATCHCORD_FIRST_SPEAKER: 'caller',
      PATCHCORD_GOODBYE_TIMEOUT_MS: '1000',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { gatewayUrl, rest } = await listening(example.stdout);
    const call = new FakeTwilioCall({
      clock: new SystemClock(),
      gatewayUrl,
      publicUrl: 'https://gw.example.com',
      webhook: '/incoming-call',
      accountSid: 'AC1',
      authToken: 'secret',
      steps: [{ do: 'digits', digits: '1#', atMs: 100 }],
      maxCallMs: 10_000,
    });
    expect(await call.run()).toMatchObject({ status: 'completed', failure: undefined });
    const told = emulator.sessions.flatMap(({ record }) =>
      record.clientEvents.flatMap(({ event }) => ('item' in event ? [JSON.stringify(event.item)] : [])),
    );
    expect(told.some((item) => item.includes('The shop is closed.'))).toBe(true);
    example.kill('SIGTERM');
    const log = (await rest).join('\n');
    expect(log).toContain('"name":"opening_hours","msg":"tool started"');
    expect(log).not.toContain('Sunday');
  } finally {
    example.kill('SIGTERM');
    await emulator.close();
  }
  if (example.exitCode === null) await once(example, 'exit');
  expect(example.exitCode).toBe(0);
});

/** Where it listens, and everything it prints afterwards. */
async function listening(output: NodeJS.ReadableStream) {
  const lines = createInterface(output);
  const printed: string[] = [];
  const closed = once(lines, 'close');
  const gatewayUrl = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      printed.push(line);
      const url = /listening on (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    lines.on('close', () => reject(new Error('the example ended before it listened')));
  });
  return { gatewayUrl, rest: closed.then(() => printed) };
}
