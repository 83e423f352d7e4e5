import { afterEach, describe, expect, it } from 'vitest';
import { LocalServers, runDoctor as run } from './testing/doctor-run.ts';

const servers = new LocalServers();
afterEach(() => servers.close());

/** Whoever asks `/healthz` of the public address is answered. */
const gateway = () => servers.api({ '/healthz': [200, {}] });
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe('doctor, of a Telnyx account', () => {
  const publicKey = '6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=';
  const env = { TELNYX_API_KEY: 'hidden', TELNYX_PUBLIC_KEY: publicKey };
  const dialEnv = { ...env, TELNYX_FROM_NUMBER: '+15550100000', TELNYX_CALL_CONTROL_APP_ID: '12/3' };
  const one = '/call_control_applications/12%2F3';
  const all = '/call_control_applications?page%5Bsize%5D=250';
  const application = (webhook: string, more: object = {}) => ({
    id: '12/3',
    active: true,
    webhook_event_url: webhook,
    webhook_api_version: '2',
    outbound: { outbound_voice_profile_id: '9' },
    ...more,
  });

  it('asks for the application of outbound calls, with the key, and where its events go', async () => {
    const { url } = await gateway();
    const api = await servers.api({ [one]: [200, { data: application(`${url}/api/webhooks/telnyx`) }] });
    const { code, lines } = await run({ ...dialEnv, PUBLIC_URL: url, TELNYX_API_BASE_URL: api.url });
    expect(code).toBe(0);
    expect(lines).toContain('ok    Telnyx takes the API key');
    expect(lines).toContain('ok    the Call Control application leads to this gateway');
    expect(lines).toContain('ok    Telnyx can dial (the settings are complete; nothing was dialled)');
    expect(lines.join('\n')).not.toContain('hidden');
    expect(api.asked).toEqual([{ path: one, authorization: 'Bearer hidden' }]);
  });

  it('looks among all applications where none is named, and says what dialling lacks', async () => {
    const { url } = await gateway();
    const ours = application(`${url}/api/webhooks/telnyx`, { outbound: {} });
    const api = await servers.api({ [all]: [200, { data: [application('https://else.example'), ours] }] });
    const { code, lines } = await run({ ...env, PUBLIC_URL: url, TELNYX_API_BASE_URL: api.url });
    expect(code).toBe(0);
    expect(lines).toContain('ok    the Call Control application leads to this gateway');
    expect(lines.join('\n')).toContain('has no outbound voice profile');
    expect(lines.join('\n')).toContain(
      'ok    Telnyx cannot dial yet — set TELNYX_FROM_NUMBER and TELNYX_CALL_CONTROL_APP_ID',
    );
  });

  it('tells the address to enter when no application leads here', async () => {
    const { url } = await gateway();
    const api = await servers.api({ [all]: [200, { data: [] }], [one]: [200, { data: application('') }] });
    const common = { PUBLIC_URL: url, TELNYX_API_BASE_URL: api.url };
    const none = await run({ ...env, ...common });
    expect(none.lines.join('\n')).toContain('warn  no Call Control application at Telnyx leads to this');
    const another = await run({ ...dialEnv, ...common });
    const line = another.lines.find((each) => each.includes('leads somewhere else'));
    expect(line).toContain(`set its webhook URL to ${url}/api/webhooks/telnyx`);
  });

  it.each<[string, [number, unknown], string]>([
    ['a wrong key', [401, {}], 'fail  Telnyx refuses the API key (401)'],
    ['an unknown application', [404, {}], 'fail  Telnyx has no Call Control application of that id (404)'],
    ['trouble', [503, 'oops'], 'fail  Telnyx answers 503'],
  ])('explains %s', async (_what, answer, expected) => {
    const api = await servers.api({ [one]: answer });
    const { code, lines } = await run({ ...dialEnv, TELNYX_API_BASE_URL: api.url });
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain(expected);
    expect(lines.join('\n')).not.toContain('hidden');
  });

  it.each<[string, [number, unknown]]>([
    ['the key is wrong', [401, {}]],
    ['the application is unknown', [404, {}]],
    ['the application is not active', [200, { active: false }]],
    ['the application has no outbound voice profile', [200, { outbound: {} }]],
  ])('does not say that it can dial where %s', async (_what, [status, more]) => {
    const { url } = await gateway();
    const data = application(`${url}/api/webhooks/telnyx`, Object(more));
    const api = await servers.api({ [one]: [status, { data }] });
    const { lines } = await run({ ...dialEnv, PUBLIC_URL: url, TELNYX_API_BASE_URL: api.url });
    expect(lines.join('\n')).not.toContain('can dial');
  });

  it.each([
    [{ webhook_api_version: '1' }, 'choose version 2'],
    [{ active: false }, 'switch it on'],
  ])('finds an application that cannot work: %j', async (more, advice) => {
    const { url } = await gateway();
    const data = application(`${url}/api/webhooks/telnyx`, more);
    const api = await servers.api({ [one]: [200, { data }] });
    const { code, lines } = await run({ ...dialEnv, PUBLIC_URL: url, TELNYX_API_BASE_URL: api.url });
    expect(code).toBe(1);
    expect(lines.find((line) => line.startsWith('fail'))).toContain(advice);
  });

  it('says what is missing without which no call is answered', async () => {
    const { url } = await gateway();
    const keyless = await run({ PUBLIC_URL: url, TELNYX_PUBLIC_KEY: publicKey });
    expect(keyless.lines.join('\n')).toContain('fail  TELNYX_API_KEY is not set');
    const api = await servers.api({ [all]: [200, { data: [] }] });
    const env = { PUBLIC_URL: url, TELNYX_API_KEY: 'hidden', TELNYX_API_BASE_URL: api.url };
    const unsigned = await run(env);
    expect(unsigned.lines.join('\n')).toContain('fail  TELNYX_PUBLIC_KEY is not set');
    const allowed = await run({ ...env, PATCHCORD_ALLOW_UNSIGNED: 'telnyx' });
    expect(allowed.lines.join('\n')).not.toContain('TELNYX_PUBLIC_KEY');
  });

  it('explains an API that is not there', async () => {
    const { lines } = await run({ ...env, TELNYX_API_BASE_URL: await servers.closedAddress() });
    expect(lines.join('\n')).toContain(
      'fail  Telnyx cannot be reached (ECONNREFUSED) — check the network and TELNYX_API_BASE_URL',
    );
  });
});

describe('doctor, of a Plivo account', () => {
  const env = { PLIVO_AUTH_ID: 'MA1', PLIVO_AUTH_TOKEN: 'hidden' };
  const account = '/Account/MA1/';
  const number = '/Account/MA1/Number/15550100000/';
  const application = '/Account/MA1/Application/77/';
  const answers = (answerUrl: string): Record<string, [number, unknown]> => ({
    [account]: [200, { account_type: 'standard' }],
    [number]: [200, { voice_enabled: true, application: '/v1/Account/MA1/Application/77/' }],
    [application]: [200, { answer_url: answerUrl }],
  });

  it('asks for the account, the number and where its application leads', async () => {
    const { url } = await gateway();
    const api = await servers.api(answers(`${url}/incoming-call?tenant=a`));
    const dialEnv = { ...env, PLIVO_PHONE_NUMBER: '+15550100000', PLIVO_API_BASE_URL: api.url };
    const { code, lines } = await run({ ...dialEnv, PUBLIC_URL: url });
    expect(code).toBe(0);
    expect(lines).toContain('ok    Plivo takes the credentials');
    expect(lines).toContain('ok    PLIVO_PHONE_NUMBER leads to this gateway');
    expect(lines).toContain('ok    Plivo can dial (the settings are complete; nothing was dialled)');
    expect(lines.join('\n')).not.toContain('hidden');
    expect(api.asked.map(({ path }) => path)).toEqual([account, number, application]);
    expect(new Set(api.asked.map((each) => each.authorization))).toEqual(new Set([basic('MA1', 'hidden')]));
    const elsewhere = await run({ ...dialEnv, PUBLIC_URL: `${url}/other` });
    const line = elsewhere.lines.find((each) => each.includes('leads somewhere else'));
    expect(line).toMatch(/^warn/);
    expect(line).toContain(`answer URL ${url}/other/incoming-call and the hangup URL ${url}/other/callbacks`);
  });

  it.each<[string, Record<string, [number, unknown]>, string]>([
    ['wrong credentials', { [account]: [401, {}] }, 'fail  Plivo refuses the credentials (401)'],
    ['an unknown account', {}, 'fail  Plivo does not know the account (404)'],
    ['trouble', { [account]: [500, 'oops'] }, 'fail  Plivo answers 500 for the account'],
    ['a trial', { [account]: [200, { account_type: 'developer' }] }, 'warn  the Plivo account is a trial'],
    [
      "somebody else's number",
      { [account]: [200, {}] },
      'fail  PLIVO_PHONE_NUMBER is not a number of the account',
    ],
    [
      'a number for messages alone',
      { [account]: [200, {}], [number]: [200, { voice_enabled: false }] },
      'fail  PLIVO_PHONE_NUMBER takes no calls',
    ],
    [
      'a number without an application',
      { [account]: [200, {}], [number]: [200, { application: null }] },
      'warn  PLIVO_PHONE_NUMBER has no application',
    ],
  ])('explains %s', async (_what, given, expected) => {
    const { url } = await gateway();
    const api = await servers.api(given);
    const { lines } = await run({
      ...env,
      PUBLIC_URL: url,
      PLIVO_PHONE_NUMBER: '+15550100000',
      PLIVO_API_BASE_URL: api.url,
    });
    expect(lines.join('\n')).toContain(expected);
    expect(lines.join('\n')).not.toContain('hidden');
    if (expected.startsWith('fail')) expect(lines.join('\n')).not.toContain('can dial');
  });

  it('says where Plivo is to call in when nothing but the token is there', async () => {
    const { url } = await gateway();
    const { code, lines } = await run({ PUBLIC_URL: url, PLIVO_AUTH_TOKEN: 'hidden' });
    expect(code).toBe(0);
    const line = lines.find((each) => each.includes('Plivo may call in'));
    expect(line).toContain(`${url}/incoming-call`);
  });

  it('says that nothing can come in without the token', async () => {
    const { code, lines } = await run({ PLIVO_AUTH_ID: 'MA1' });
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('fail  PLIVO_AUTH_TOKEN is not set');
  });

  it('explains an API that is not there', async () => {
    const { lines } = await run({ ...env, PLIVO_API_BASE_URL: await servers.closedAddress() });
    expect(lines.join('\n')).toContain('fail  Plivo cannot be reached (ECONNREFUSED)');
  });
});

describe('doctor, of a Genesys Cloud integration', () => {
  const secret = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64');

  it('tells the address that the integration is to have, and shows no secret', async () => {
    const { url } = await gateway();
    const env = { GENESYS_API_KEY: 'hidden', GENESYS_CLIENT_SECRET: secret(32) };
    const { code, lines } = await run({ ...env, PUBLIC_URL: url });
    expect(code).toBe(0);
    expect(lines).toContain(
      `ok    Genesys Cloud may call in, with its API key and signature (so the settings say; nothing was asked) — the integration's Base Connection URI is ${url.replace('http', 'ws')}/audiohook/`,
    );
    expect(lines.join('\n')).not.toContain('hidden');
    expect(lines.join('\n')).not.toContain(secret(32));
  });

  it('warns of a key alone, of a short secret, and of signatures that a proxy can break', async () => {
    const keyAlone = await run({ GENESYS_API_KEY: 'hidden' });
    expect(keyAlone.lines.join('\n')).toContain('with its API key alone');
    const short = await run({ GENESYS_API_KEY: 'hidden', GENESYS_CLIENT_SECRET: secret(12) });
    expect(short.lines.join('\n')).toContain('warn  GENESYS_CLIENT_SECRET has 12 bytes');
    expect(short.lines.join('\n')).toContain('warn  PUBLIC_URL is not set: signatures of Genesys');
    expect(short.code).toBe(0);
  });
});
