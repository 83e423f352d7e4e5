import { createServer } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { VirtualClock } from '../base/virtual-clock.ts';
import { doctor } from './doctor.ts';
import { LocalServers, runDoctor as run } from './testing/doctor-run.ts';

const servers = new LocalServers();
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  servers.close();
});

/** A Realtime server that sends one frame to each who connects. */
async function serveModel(
  frame: unknown,
  date = new Date(),
  closeCode?: number,
): Promise<{ base: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const server = createServer((_request, response) =>
    response.writeHead(404, { date: date.toUTCString() }).end(),
  );
  const sockets = new WebSocketServer({ server });
  closers.push(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  });
  sockets.on('connection', (socket, request) => {
    asked.push(request.url, request.headers.authorization);
    if (frame !== undefined) socket.send(JSON.stringify(frame));
    if (closeCode !== undefined) socket.close(closeCode);
  });
  return { base: `${await servers.listen(server)}/v1`, asked };
}

async function refusingModel(status: number): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on('upgrade', (_request, socket) =>
    socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`),
  );
  return `${await servers.listen(server)}/v1`;
}

const account = '/2010-04-01/Accounts/AC1.json';
const number = '/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?PhoneNumber=%2B15550100000';

describe('doctor', () => {
  it('finds nothing to mend on a fresh installation', async () => {
    const { code, lines } = await run({});
    expect(code).toBe(0);
    expect(lines.every((line) => line.startsWith('ok'))).toBe(true);
    expect(lines.join('\n')).toContain('the demo voice answers');
  });

  it('stops at a wrong setting and names it', async () => {
    const { code, lines } = await run({ PORT: 'many' });
    expect(code).toBe(1);
    expect(lines.at(-1)).toContain('fail  PORT is "many", expected a whole number');
  });

  it('shows the warnings about settings without failing', async () => {
    const { code, lines } = await run({ PATCHCORD_API_KEY: 'x' });
    expect(code).toBe(0);
    expect(lines).toContain('warn  PATCHCORD_API_KEY is not a setting, did you mean PATCHCORD_API_KEYS?');
  });

  it('opens a session with the model, with the key and the model name, and keeps the key to itself', async () => {
    const model = await serveModel({ type: 'session.created', session: {} });
    const { code, lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: model.base });
    expect(code).toBe(0);
    expect(lines).toContain('ok    the model gpt-realtime-2.1 answers');
    expect(lines.join('\n')).toContain('the clock agrees with 127.0.0.1');
    expect(lines.join('\n')).not.toContain('hidden');
    expect(model.asked).toEqual(['/v1/realtime?model=gpt-realtime-2.1', 'Bearer sk-hidden']);
  });

  it.each([
    [401, 'OPENAI_API_KEY is wrong or revoked'],
    [404, 'check OPENAI_MODEL and OPENAI_BASE_URL'],
    [429, 'out of quota or rate limited'],
    [503, 'try again in a minute'],
  ])('explains a model that refuses with %i', async (status, advice) => {
    const base = await refusingModel(status);
    const { code, lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: base });
    expect(code).toBe(1);
    expect(lines.find((line) => line.startsWith('fail'))).toContain(advice);
  });

  it('explains an error event without the message, which may quote the key', async () => {
    const model = await serveModel({ type: 'error', error: { code: 'invalid_api_key', message: 'sk-hid' } });
    const { lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: model.base });
    const line = lines.find((each) => each.startsWith('fail'));
    expect(line).toContain('error (invalid_api_key) — OPENAI_API_KEY is wrong');
    expect(line).not.toContain('sk-hid');
  });

  it.each([
    [{ code: 'insufficient_quota' }, '(insufficient_quota) — the account is out of quota'],
    [{ code: 'rate_limit_exceeded' }, '(rate_limit_exceeded) — the account is rate limited'],
    [{ type: 'server_error' }, 'opens with error — check OPENAI_MODEL'],
    [{ code: 'model_not_found', type: 'invalid_request_error' }, '(model_not_found) — check OPENAI_MODEL'],
  ])('explains the error event %j', async (error, expected) => {
    const model = await serveModel({ type: 'error', error });
    const { code, lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: model.base });
    expect(code).toBe(1);
    expect(lines.find((line) => line.startsWith('fail'))).toContain(expected);
  });

  it('explains a server that is none of this kind', async () => {
    const nonsense = await serveModel('hello');
    const { lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: nonsense.base });
    expect(lines.find((line) => line.startsWith('fail'))).toContain('opens with something that is no event');
    const closing = await serveModel(undefined, new Date(), 4000);
    const closed = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: closing.base });
    expect(closed.lines.find((line) => line.startsWith('fail'))).toContain('the model closes with 4000');
  });

  it('asks the time without the key', async () => {
    const keys: (string | undefined)[] = [];
    const server = createServer(({ headers }, response) => {
      keys.push(headers.authorization);
      response.writeHead(401).end();
    });
    const url = await servers.listen(server);
    const base = `${url}/v1`;
    const { lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: base });
    expect(lines.join('\n')).toContain('the clock agrees with');
    // The socket's upgrade, which this server answers like any request, and the question.
    expect(keys.toSorted()).toEqual(['Bearer sk-hidden', undefined]);
  });

  it('does not wait for ever for a silent model, nor for one that is not there', async () => {
    const silent = await serveModel(undefined);
    const env = { OPENAI_API_KEY: 'sk-hidden', OPENAI_CONNECT_TIMEOUT_MS: '500' };
    const waited = await run({ ...env, OPENAI_BASE_URL: silent.base });
    expect(waited.lines.find((line) => line.startsWith('fail'))).toContain(
      'connects and then says nothing for 500 ms',
    );
    const deaf = await servers.listen(createServer().on('upgrade', () => undefined));
    const unheard = await run({ ...env, OPENAI_BASE_URL: `${deaf}/v1` });
    expect(unheard.lines.find((line) => line.startsWith('fail'))).toContain('does not answer for 500 ms');
    const gone = await run({ ...env, OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' });
    expect(gone.lines.find((line) => line.startsWith('fail'))).toContain('cannot be reached (ECONNREFUSED)');
  });

  it('warns of a clock that is wrong', async () => {
    const model = await serveModel({ type: 'session.created' }, new Date(Date.now() + 60_000));
    const { code, lines } = await run({ OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: model.base });
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^warn {2}the clock is (60|61) s behind 127\.0\.0\.1/);
  });

  it('says how to get a public address when Twilio is set up without one', async () => {
    const { code, lines } = await run({ TWILIO_AUTH_TOKEN: 'hidden' });
    expect(code).toBe(1);
    expect(lines.find((line) => line.startsWith('fail'))).toContain('open a tunnel to http://127.0.0.1:5050');
  });

  it.each<[number, string, string]>([
    [200, 'warn', 'carriers connect only over https'],
    [302, 'fail', 'redirects to'],
    [404, 'fail', 'another server answers there'],
    [502, 'fail', 'start patchcord serve'],
  ])('explains a public address that answers %i', async (status, level, advice) => {
    const server = await servers.api({ '/healthz': [status, {}] });
    const { lines } = await run({ PUBLIC_URL: server.url });
    const line = lines.find((each) => each.includes('/healthz answers'));
    expect(line?.startsWith(level)).toBe(true);
    expect(line).toContain(advice);
  });

  it.each<[number, unknown, boolean]>([
    [200, { liveCalls: 0 }, true],
    [401, { code: 'PATCHCORD_UNAUTHORIZED' }, false],
    [200, 'a page for every address', false],
  ])('fails when strangers are let in: %i %j', async (status, body, open) => {
    const server = await servers.api({ '/healthz': [200, {}], '/v1/status': [status, body] });
    // Of this machine too, but nothing that a request from elsewhere could not name.
    const { code, lines } = await run({ PUBLIC_URL: server.url.replace('127.0.0.1', '0.0.0.0') });
    const line = lines.find((each) => each.includes('without a key'));
    expect([code, line?.startsWith('fail')]).toEqual(open ? [1, true] : [0, undefined]);
    if (open) expect(line).toContain('proxy_set_header Host $host');
    expect(server.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
    const local = await run({ PUBLIC_URL: server.url });
    expect(local.lines.join('\n')).not.toContain('without a key');
  });

  it('explains a public address that nobody answers', async () => {
    const { code, lines } = await run({ PUBLIC_URL: await servers.closedAddress() });
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain(
      'cannot be reached (ECONNREFUSED) — start patchcord serve, open a tunnel',
    );
  });

  it('asks Twilio for the account and where its number leads', async () => {
    const publicServer = await servers.api({ '/healthz': [200, {}] });
    const voiceUrl = `${publicServer.url}/incoming-call`;
    const called: { voice_url: string; status_callback?: string } = { voice_url: voiceUrl };
    const twilio = await servers.api({
      [account]: [200, { status: 'active', type: 'Full' }],
      [number]: [200, { incoming_phone_numbers: [called] }],
    });
    const env = {
      TWILIO_ACCOUNT_SID: 'AC1',
      TWILIO_AUTH_TOKEN: 'hidden',
      TWILIO_PHONE_NUMBER: '+15550100000',
      TWILIO_API_BASE_URL: twilio.url,
    };
    const { code, lines } = await run({ ...env, PUBLIC_URL: publicServer.url });
    expect(code).toBe(0);
    expect(lines).toContain('ok    the Twilio account is active');
    const leads = 'ok    TWILIO_PHONE_NUMBER leads to this gateway';
    expect(lines).toContain(
      `${leads} — set "Call status changes" to ${publicServer.url}/status-callback: it tells of callers who hang up early`,
    );
    called.status_callback = `${publicServer.url}/status-callback`;
    expect((await run({ ...env, PUBLIC_URL: publicServer.url })).lines).toContain(leads);
    const basic = `Basic ${Buffer.from('AC1:hidden').toString('base64')}`;
    expect(twilio.asked.map(({ authorization }) => authorization)).toEqual([basic, basic, basic, basic]);
    const elsewhere = await run({ ...env, PUBLIC_URL: `${publicServer.url}/other` });
    expect(elsewhere.lines.join('\n')).toContain('warn  TWILIO_PHONE_NUMBER leads somewhere else');
  });

  it.each<[[number, unknown], string]>([
    [[401, {}], 'fail  Twilio refuses the credentials (401)'],
    [[404, {}], 'fail  Twilio does not know the account (404)'],
    [[200, { status: 'suspended' }], 'fail  the Twilio account is suspended'],
    [[200, { status: 'active', type: 'Trial' }], 'warn  the Twilio account is a trial'],
    [[500, 'oops'], 'fail  Twilio answers 500'],
  ])('explains what Twilio answers: %j', async (answer, expected) => {
    const twilio = await servers.api({ [account]: answer });
    const { lines } = await run({
      TWILIO_ACCOUNT_SID: 'AC1',
      TWILIO_AUTH_TOKEN: 'hidden',
      TWILIO_API_BASE_URL: twilio.url,
    });
    expect(lines.join('\n')).toContain(expected);
    expect(lines.join('\n')).not.toContain('hidden');
  });

  it('leaves no timer behind, so that the command ends at once', async () => {
    const model = await serveModel({ type: 'session.created' });
    const env = { OPENAI_API_KEY: 'sk-hidden', OPENAI_BASE_URL: model.base };
    const clock = new VirtualClock(Date.now());
    const io = { env, out: () => undefined, err: () => undefined, onStop: () => undefined };
    expect(await doctor([], io, clock)).toBe(0);
    // The model's server answers the close in its own time.
    await vi.waitFor(() => expect(clock.pending).toBe(0));
  });

  it('refuses arguments that it does not know', async () => {
    const errors: string[] = [];
    const io = {
      env: {},
      out: () => undefined,
      err: (line: string) => errors.push(line),
      onStop: () => undefined,
    };
    expect(await doctor(['--fix'], io)).toBe(2);
    expect(errors).toEqual(['patchcord doctor takes no arguments, got --fix']);
  });
});

describe('doctor, with the settings of the first five steps', () => {
  it('says that Twilio may call in, and where', async () => {
    const { url } = await servers.api({ '/healthz': [200, { ok: true }] });
    const { lines } = await run({ PUBLIC_URL: url, TWILIO_AUTH_TOKEN: 'secret' });
    const line = lines.find((each) => each.includes('Twilio may call in'));
    expect(line).toMatch(/^ok /);
    expect(line).toContain(`${url}/incoming-call`);
  });

  it('says what is missing when only the token is there', async () => {
    const { code, lines } = await run({ TWILIO_AUTH_TOKEN: 'secret' });
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('TWILIO_AUTH_TOKEN is set and PUBLIC_URL is not');
  });
});
