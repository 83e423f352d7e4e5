import { describe, expect, it } from 'vitest';
import type { StatusReply } from '../src/api/contract.ts';
import { silentLogger } from '../src/base/logger.ts';
import { loadSettings } from '../src/config/environment.ts';
import { startGateway } from '../src/gateway.ts';

/** What `GET /v1/status` says each carrier lacks for calls that come in. */
async function missingForCalls(
  env: Readonly<Record<string, string>>,
): Promise<Record<string, readonly string[]>> {
  const settings = loadSettings({ HOST: '127.0.0.1', PORT: '0', ...env });
  const gateway = await startGateway({ settings, log: silentLogger });
  try {
    const reply = await fetch(`${gateway.url}/v1/status`);
    const { carriers } = (await reply.json()) as StatusReply;
    for (const { takesCalls, missingForCalls: missing } of carriers) {
      expect(takesCalls).toBe(missing.length === 0);
    }
    return Object.fromEntries(carriers.map(({ name, missingForCalls: missing }) => [name, missing]));
  } finally {
    await gateway.close();
  }
}

describe('the status of a gateway', () => {
  it('names what each carrier lacks for calls that come in', async () => {
    expect(await missingForCalls({})).toEqual({
      twilio: ['TWILIO_AUTH_TOKEN', 'PUBLIC_URL'],
      telnyx: ['TELNYX_API_KEY', 'TELNYX_PUBLIC_KEY', 'PUBLIC_URL'],
      plivo: ['PLIVO_AUTH_TOKEN', 'PUBLIC_URL'],
      genesys: ['GENESYS_API_KEY'],
      avr: [],
      audiosocket: ['AUDIOSOCKET_PORT'],
      asterisk: ['ASTERISK_WS_USERNAME', 'ASTERISK_WS_PASSWORD'],
      softphone: [],
    });
  });

  it('says of carriers that are set up that they take calls', async () => {
    const missing = await missingForCalls({
      PUBLIC_URL: 'https://gw.example.com',
      TWILIO_AUTH_TOKEN: 'token',
      TELNYX_API_KEY: 'key',
      PATCHCORD_ALLOW_UNSIGNED: 'telnyx,plivo',
      GENESYS_API_KEY: 'key',
      AUDIOSOCKET_PORT: '0',
      ASTERISK_WS_USERNAME: 'pbx',
      ASTERISK_WS_PASSWORD: 'secret',
    });
    expect(Object.values(missing).flat()).toEqual([]);
  });
});
