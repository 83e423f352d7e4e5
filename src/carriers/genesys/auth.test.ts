import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { UpgradeAuth } from './auth.ts';
import { Nonces } from './nonces.ts';
import { freshNonce, sign, vector } from './testing/signer.ts';

const { apiKey, clientSecret, target, host } = vector;

const plainHeaders: Record<string, string> = {
  host,
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'audiohook-organization-id': vector.organizationId,
  'audiohook-session-id': vector.sessionId,
  'audiohook-correlation-id': vector.correlationId,
  'x-api-key': apiKey,
};

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock(vector.created * 1000);
});

const authWith = (settings: Partial<ConstructorParameters<typeof UpgradeAuth>[0]>): UpgradeAuth =>
  new UpgradeAuth({ apiKey, clientSecret: undefined, publicUrl: undefined, ...settings }, clock);

function refusal(
  auth: UpgradeAuth,
  headers: Record<string, string>,
  url: string = target,
): string | undefined {
  const refused = auth.refuse({ url, headers });
  return refused && `${refused.status} ${refused.error.message}`;
}

const without = (name: string): Record<string, string> => {
  const { [name]: _left, ...others } = plainHeaders;
  return others;
};

describe('the key', () => {
  it('alone suffices where no client secret is set', () => {
    expect(refusal(authWith({}), plainHeaders)).toBeUndefined();
  });

  it('is asked for first, then compared, and only then are other headers looked at', () => {
    const bare = { upgrade: 'websocket' };
    expect(refusal(authWith({}), bare)).toBe("401 Missing 'x-api-key' header");
    expect(refusal(authWith({}), { ...bare, 'x-api-key': '' })).toBe("401 Missing 'x-api-key' header");
    expect(refusal(authWith({}), { ...bare, 'x-api-key': 'wrong' })).toBe('401 Invalid API Key');
    expect(refusal(authWith({}), { 'x-api-key': apiKey })).toBe(
      '400 Missing required headers: audiohook-organization-id, audiohook-correlation-id, audiohook-session-id, ' +
        'upgrade, sec-websocket-version, sec-websocket-key',
    );
  });

  it('opens nothing where none is configured, and the log names the setting', () => {
    const refused = authWith({ apiKey: undefined }).refuse({ url: target, headers: plainHeaders });
    expect(refused?.status).toBe(401);
    expect(refused?.error.code).toBe('PATCHCORD_UNAUTHORIZED');
    expect(refused?.error.details).toEqual({ setting: 'GENESYS_API_KEY' });
    expect(refusal(authWith({ apiKey: '' }), plainHeaders)).toBe('401 Invalid API Key');
  });

  it.each([
    'audiohook-organization-id',
    'audiohook-correlation-id',
    'audiohook-session-id',
    'upgrade',
    'sec-websocket-version',
    'sec-websocket-key',
  ])('does not make up for a missing %s', (name) => {
    expect(refusal(authWith({}), without(name))).toBe(`400 Missing required headers: ${name}`);
  });

  it('opens only WebSockets of version 13', () => {
    expect(refusal(authWith({}), { ...plainHeaders, upgrade: 'h2c' })).toContain('400');
    expect(refusal(authWith({}), { ...plainHeaders, 'sec-websocket-version': '8' })).toContain('400');
    expect(refusal(authWith({}), { ...plainHeaders, upgrade: 'WebSocket' })).toBeUndefined();
  });
});

describe('the signature', () => {
  const signed = { 'signature-input': '', signature: '' };
  const components =
    '("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" "x-api-key")';
  const ofVector = {
    ...plainHeaders,
    'signature-input': `sig1=${components}${vector.parameters}`,
    signature: `sig1=:${vector.signature}:`,
  };
  let auth: UpgradeAuth;

  beforeEach(() => {
    auth = authWith({ clientSecret });
  });

  /** A signed upgrade; `changes` are made to the parameters before signing. */
  function request(changes: Record<string, string | number | undefined> = {}, over?: readonly string[]) {
    const parameters = {
      keyid: `"${apiKey}"`,
      nonce: `"${freshNonce()}"`,
      alg: '"hmac-sha256"',
      created: Math.floor(clock.epochMs() / 1000),
      ...changes,
    };
    const text = Object.entries(parameters)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `;${key}=${value}`)
      .join('');
    return { ...plainHeaders, ...sign({ target, host, headers: plainHeaders }, clientSecret, text, over) };
  }

  it("of the documentation's vector is right, as our own signer's", () => {
    const { 'signature-input': input, signature } = sign(
      { target, host, headers: plainHeaders },
      clientSecret,
      vector.parameters,
    );
    expect([input, signature]).toEqual([ofVector['signature-input'], ofVector.signature]);
    clock.advance(5_000);
    expect(refusal(auth, ofVector)).toBeUndefined();
  });

  it.each([
    ['/gateway', '/gateway'],
    ['/a/b/', '/a/b'],
  ])('is right where a proxy has taken away the path %s of the public address', (path, prefix) => {
    const behind = authWith({ clientSecret, publicUrl: `https://gw.example.com${path}` });
    const parameters = () =>
      `;keyid="${apiKey}";nonce="${freshNonce()}";alg="hmac-sha256";created=${Math.floor(clock.epochMs() / 1000)}`;
    const signedAt = (signedTarget: string) => ({
      ...plainHeaders,
      ...sign({ target: signedTarget, host, headers: plainHeaders }, clientSecret, parameters()),
    });
    expect(refusal(behind, signedAt(`${prefix}${target}`))).toBeUndefined();
    expect(refusal(behind, signedAt(target))).toBeUndefined();
    expect(refusal(behind, signedAt(`/other${target}`))).toContain('does not match');
    expect(refusal(auth, signedAt(`${prefix}${target}`))).toContain('does not match');
  });

  it('is taken once: a replay is refused', () => {
    expect(refusal(auth, ofVector)).toBeUndefined();
    expect(refusal(auth, ofVector)).toBe('401 The signature is refused: `nonce` was used before');
    const sameNonce = request({ nonce: '"VGhpc0lzQVVuaXF1ZU5vbmNl"' });
    expect(refusal(auth, sameNonce)).toContain('nonce');
    expect(refusal(auth, request())).toBeUndefined();
  });

  it('that is wrong uses no nonce up', () => {
    const right = request();
    expect(refusal(auth, { ...right, 'audiohook-session-id': 'another' })).toContain('does not match');
    expect(refusal(auth, right)).toBeUndefined();
  });

  it('is needed once a client secret is set, be it an empty one', () => {
    expect(refusal(auth, plainHeaders)).toBe('401 The signature is refused: it is missing or malformed');
    expect(refusal(authWith({ clientSecret: '' }), ofVector)).toContain('401');
    const emptyKeyed = {
      ...plainHeaders,
      ...sign({ target, host, headers: plainHeaders }, '', vector.parameters),
    };
    expect(refusal(authWith({ clientSecret: '' }), emptyKeyed)).toContain('401');
    expect(refusal(auth, emptyKeyed)).toContain('401');
  });

  it('does not open for an unknown key that is signed all the same', () => {
    const headers = { ...plainHeaders, 'x-api-key': 'unknown' };
    const parameters = vector.parameters.replaceAll(apiKey, 'unknown');
    expect(refusal(auth, { ...headers, ...sign({ target, host, headers }, '', parameters) })).toBe(
      '401 Invalid API Key',
    );
  });

  it.each([
    '',
    'AA==',
    vector.signature.slice(0, 40),
    `${vector.signature.slice(0, 43)}A=`,
  ])('of a wrong length or content is refused and throws nothing: "%s"', (signature) => {
    expect(refusal(auth, { ...ofVector, signature: `sig1=:${signature}:` })).toContain('401');
  });

  it.each([
    '@request-target',
    '@authority',
    'audiohook-organization-id',
    'audiohook-session-id',
    'audiohook-correlation-id',
    'x-api-key',
  ])('must cover %s', (name) => {
    const all = components.slice(1, -1).replaceAll('"', '').split(' ');
    const some = request(
      {},
      all.filter((each) => each !== name),
    );
    expect(refusal(auth, some)).toBe(`401 The signature is refused: it does not cover ${name}`);
    expect(refusal(auth, request({}, [...all].reverse()))).toBeUndefined();
  });

  it.each([
    ['keyid', 'another key', { keyid: '"another"' }],
    ['keyid', 'no key', { keyid: undefined }],
    ['alg', 'another algorithm', { alg: '"hmac-sha512"' }],
    ['alg', 'no algorithm', { alg: undefined }],
    ['nonce', 'a short nonce', { nonce: '"123456789012345678901"' }],
    ['nonce', 'no nonce', { nonce: undefined }],
    ['nonce', 'a number for a nonce', { nonce: 1234567890123 }],
    ['created', 'no time', { created: undefined }],
    ['created', 'a text for a time', { created: '"1641013200"' }],
    ['expired', 'a text for an end', { expires: '"9641013200"' }],
    ['expired', 'an end that has passed', { expires: vector.created - 1 }],
  ])('is refused for its %s: %s', (word, _what, changes) => {
    expect(refusal(auth, request(changes))).toContain(word);
  });

  it('may have a nonce of 22 characters, an end that is to come, and parameters of tomorrow', () => {
    expect(
      refusal(auth, request({ nonce: '"1234567890123456789012"', expires: vector.created, tag: '"x"' })),
    ).toBe(undefined);
  });

  it('may be up to 10 s old and its clock up to 3 s ahead', () => {
    expect(refusal(auth, request({ created: vector.created - 10 }))).toBeUndefined();
    expect(refusal(auth, request({ created: vector.created - 11 }))).toContain('too old');
    expect(refusal(auth, request({ created: vector.created + 3 }))).toBeUndefined();
    expect(refusal(auth, request({ created: vector.created + 4 }))).toContain('future');
  });

  it('is of one address: another path, query or host is refused', () => {
    expect(refusal(auth, request(), `${target}?a=1`)).toContain('does not match');
    expect(refusal(auth, { ...request(), host: 'elsewhere.example.com' })).toContain('does not match');
  });

  it('knows the host with and without its port, and behind a proxy by the public address', () => {
    expect(refusal(auth, { ...request(), host: 'AudioHook.example.com:443' })).toBeUndefined();
    const proxied = authWith({ clientSecret, publicUrl: `https://${host}` });
    expect(refusal(proxied, { ...request(), host: '10.0.0.7:5050' })).toBeUndefined();
  });

  it('is never told in the log, nor is the key', () => {
    const refused = auth.refuse({ url: `${target}?secret=1`, headers: { ...ofVector, ...signed } });
    expect(refused?.error.details).toEqual({ host, path: target });
    expect(JSON.stringify([refused?.error.message, refused?.error.details])).not.toContain(apiKey);
  });

  it('throws nothing, whatever the headers hold, and lets nobody in: 10,000 upgrades', () => {
    const names = ['constructor', '__proto__', 'toString', 'none', 'host', '@query', '@authority'];
    const covers = fc
      .array(fc.constantFrom(...names), { maxLength: 3 })
      .map((extra) => [...components.slice(1, -1).replaceAll('"', '').split(' '), ...new Set(extra)]);
    const parameters = fc.oneof(fc.constant(vector.parameters), fc.string());
    const given = fc.oneof(
      fc.constant(`sig1=:${vector.signature}:`),
      fc.string().map((text) => `sig1=:${text}:`),
    );
    fc.assert(
      fc.property(covers, parameters, given, (over, params, signature) => {
        fc.pre(!(over.length === 6 && params === vector.parameters && signature === ofVector.signature));
        const list = over.map((name) => `"${name}"`).join(' ');
        const headers = { ...plainHeaders, 'signature-input': `sig1=(${list})${params}`, signature };
        expect(auth.refuse({ url: target, headers })?.status).toBe(401);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('nonces', () => {
  it('are forgotten after a while and kept up to a bound', () => {
    const nonces = new Nonces(clock, { lifetimeMs: 1000, capacity: 3 });
    expect(nonces.take('a')).toBe(true);
    expect(nonces.take('a')).toBe(false);
    clock.advance(999);
    expect(nonces.take('a')).toBe(false);
    clock.advance(1);
    expect(nonces.take('a')).toBe(true);
    for (const nonce of ['b', 'c', 'd', 'e']) nonces.take(nonce);
    expect(nonces.size).toBe(3);
    expect(nonces.take('e')).toBe(false);
  });
});
