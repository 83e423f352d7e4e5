import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { LocalServers, runDoctor as run } from './testing/doctor-run.ts';

const servers = new LocalServers();
afterEach(() => servers.close());

describe('doctor, of AVR', () => {
  it('tells what avr-core is to be given, and finds its helper', async () => {
    const ami = await servers.api({});
    const { code, lines } = await run({
      HOST: '0.0.0.0',
      AVR_PORT: '6030',
      AVR_ALLOW: 'private',
      AMI_URL: ami.url,
    });
    expect(code).toBe(0);
    expect(lines).toContain(
      'ok    avr-core may connect from this machine and private networks — set its STS_URL to ws://ADDRESS-OF-THIS-MACHINE:6030, or of an old version to http://ADDRESS-OF-THIS-MACHINE:6030/speech-to-speech-stream',
    );
    expect(lines).toContain('ok    the AMI helper answers');
  });

  it('warns of a helper that is not there, and of peers that HOST keeps out', async () => {
    const ami = await servers.closedAddress();
    const { code, lines } = await run({ AVR_ALLOW: '10.0.0.0/8', AMI_URL: ami });
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain('avr-core may connect from 10.0.0.0/8 — set its STS_URL to ws://127');
    expect(lines.join('\n')).toContain('warn  AVR_ALLOW lets in other machines, which cannot reach HOST 127');
    expect(lines.join('\n')).toContain('warn  the AMI helper cannot be reached (ECONNREFUSED)');
  });

  it('asks the agent API for the instructions of the agent', async () => {
    const path = '/base/api/agents/front-desk/system-instructions';
    const api = await servers.api({ [path]: [200, { system: 'Be brief.' }] });
    const env = { AMI_URL: api.url, AGENT_API_BASE_URL: `${api.url}/base` };
    const good = await run({ ...env, AGENT_ID: 'front-desk' });
    expect(good.lines).toContain('ok    the agent API has instructions for AGENT_ID');
    expect(good.lines.join('\n')).not.toContain('Be brief');
    const unknown = await run({ ...env, AGENT_ID: 'nobody' });
    expect(unknown.lines.join('\n')).toContain(
      'warn  the agent API: system-instructions: the answer is 404 — check AGENT_API_BASE_URL and AGENT_ID',
    );
    const half = await run(env);
    expect(half.lines.join('\n')).toContain('warn  AGENT_API_BASE_URL is set and AGENT_ID is not');
  });

  it('does not wait for ever for either', async () => {
    const silent = await servers.listen(createServer(() => undefined));
    const env = { AGENT_ID: 'a', AGENT_API_BASE_URL: silent, AGENT_API_TIMEOUT_MS: '100' };
    const { lines } = await run({ ...env, AMI_URL: await servers.closedAddress() });
    expect(lines.join('\n')).toContain('no answer within 100 ms');
  });
});

describe('doctor, of Asterisk', () => {
  it('tells where the dialplan is to lead', async () => {
    const { code, lines } = await run({ AUDIOSOCKET_PORT: '9092' });
    expect(code).toBe(0);
    expect(lines).toContain(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the dialplan's own
      'ok    AudioSocket takes calls from this machine alone, and those that are announced (so the settings say; nothing was asked) — in the dialplan: Set(CALL=${UUID()}), then AudioSocket(${CALL},127.0.0.1:9092)',
    );
  });

  it('warns of networks that HOST keeps out, and of an AudioSocket without a port', async () => {
    const unreachable = await run({ AUDIOSOCKET_PORT: '9092', AUDIOSOCKET_ALLOW: '192.0.2.7' });
    expect(unreachable.lines.join('\n')).toContain('warn  AUDIOSOCKET_ALLOW lets in other machines');
    const local = await run({ AUDIOSOCKET_PORT: '9092', HOST: '0.0.0.0' });
    expect(local.lines.join('\n')).toContain('ok    AUDIOSOCKET_ALLOW lets in this machine alone');
    expect(local.lines.join('\n')).toContain(',127.0.0.1:9092)');
    const portless = await run({ AUDIOSOCKET_ALLOW: 'private' });
    expect(portless.lines.join('\n')).toContain('so there is no AudioSocket — set AUDIOSOCKET_PORT');
  });

  it('writes what websocket_client.conf is to hold, but for the password', async () => {
    const { url } = await servers.api({ '/healthz': [200, {}] });
    const env = { ASTERISK_WS_USERNAME: 'asterisk', ASTERISK_WS_PASSWORD: 'hidden' };
    const { code, lines } = await run({ ...env, PUBLIC_URL: url });
    expect(code).toBe(0);
    const at = lines.indexOf('      [gateway]');
    expect(lines.slice(at - 1, at + 9)).toEqual([
      "ok    Asterisk's WebSocket channel may connect with its user name and password (so the settings say; nothing was asked) — in websocket_client.conf:",
      '      [gateway]',
      '      type = websocket_client',
      '      connection_type = per_call_config',
      `      uri = ${url.replace('http', 'ws')}/asterisk`,
      '      protocols = media',
      '      username = asterisk',
      '      password = the value of ASTERISK_WS_PASSWORD',
      '      tls_enabled = no',
      expect.stringContaining('ok'),
    ]);
    expect(lines.join('\n')).not.toContain('hidden');
    const own = await run({ ...env, HOST: '::', PORT: '5051' });
    expect(own.lines).toContain('      uri = ws://ADDRESS-OF-THIS-MACHINE:5051/asterisk');
  });

  it('finds two parts on one port, which would stop the start', async () => {
    const { code, lines } = await run({ PORT: '9092', AUDIOSOCKET_PORT: '9092' });
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('fail  AUDIOSOCKET_PORT is 9092, expected another port than PORT');
  });
});

describe('doctor, of what is not set up', () => {
  it('is one quiet line', async () => {
    const { lines } = await run({});
    const quiet = lines.filter((line) => line.includes('not set up'));
    expect(quiet).toEqual([
      "ok    not set up: Twilio, Telnyx, Plivo, Genesys Cloud, AudioSocket and Asterisk's WebSocket channel — README.md leads to how each is connected",
    ]);
    expect(lines).toContain(
      'ok    Agent Voice Response (AVR) may connect from this machine alone, without any setting — docs/carriers/avr.md says how, and what an avr-core elsewhere needs',
    );
  });

  it('names what is left', async () => {
    const { lines } = await run({ AUDIOSOCKET_PORT: '9092' });
    const quiet = lines.find((line) => line.includes('not set up'));
    expect(quiet).not.toContain('AudioSocket');
    expect(quiet).toContain('Twilio');
  });
});
