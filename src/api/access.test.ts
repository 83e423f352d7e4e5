import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Access, accessRequest } from './access.ts';
import { makeKey } from './access-keys.ts';
import { FailedAttempts } from './failed-attempts.ts';
import type { AccessRequest } from './local-request.ts';

const key = 'k-0123456789abcdef';

function request(fields: Partial<AccessRequest> = {}): AccessRequest {
  return { peerAddress: '127.0.0.1', method: 'GET', url: '/v1/calls', headers: {}, ...fields };
}

function access(options: { clock?: VirtualClock; publicUrl?: string; keys?: string[] } = {}): Access {
  const { clock = new VirtualClock(), keys = [key], publicUrl } = options;
  return new Access({ clock, keys, ...(publicUrl === undefined ? {} : { publicUrl }) });
}

function outcome(fields: Partial<AccessRequest>, subject = access()): string | number {
  const decision = subject.decide(request(fields));
  return decision.allowed ? decision.how : decision.status;
}

/** Signs in from far away and returns the cookie as a browser sends it back. */
function signedIn(subject: Access, headers: Record<string, string> = {}): string {
  const reply = subject.signIn(
    request({
      peerAddress: '203.0.113.5',
      url: `/?key=${key}`,
      headers: { host: 'gw.example.com', ...headers },
    }),
  );
  if (!reply?.allowed) throw new Error('not signed in');
  return reply.headers['set-cookie']?.split(';')[0] ?? '';
}

describe('a request that is truly local needs no key', () => {
  it.each([
    ['127.0.0.1', 'localhost:5050'],
    ['127.0.0.1', 'localhost'],
    ['127.9.9.9', '127.0.0.1:5050'],
    ['::1', '[::1]:5050'],
    ['::ffff:127.0.0.1', 'LOCALHOST:5050'],
    ['::FFFF:127.0.0.1', 'patchcord.localhost:5050'],
  ])('from %s to %s', (peerAddress, host) => {
    expect(outcome({ peerAddress, headers: { host } })).toBe('local');
  });

  it.each([
    ['http://localhost:5050'],
    ['http://127.0.0.1:5050'],
    ['http://[::1]:5050'],
    ['https://app.localhost'],
  ])('from the page %s', (origin) => {
    expect(outcome({ method: 'POST', headers: { host: 'localhost:5050', origin } })).toBe('local');
  });

  it('when a link on another site leads to the console', () => {
    const headers = { host: 'localhost', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(outcome({ url: '/', headers })).toBe('local');
  });
});

describe('what only looks local needs a key', () => {
  it.each([
    ['another machine', '192.168.1.7', 'localhost:5050'],
    ['another machine that names itself 127', '127.example.com', 'localhost:5050'],
    ['a mapped address that is not loopback', '::ffff:10.0.0.1', 'localhost'],
    ['an IPv6 neighbour', 'fe80::1', '[::1]:5050'],
    ['a socket that is gone', undefined, 'localhost'],
  ])('%s', (_, peerAddress, host) => {
    expect(outcome({ peerAddress, headers: { host } })).toBe(401);
  });

  it.each([
    ['evil.example.com'],
    ['gw.ngrok.app'],
    ['127.0.0.1.evil.example.com'],
    ['127.evil.example.com'],
    ['localhost.evil.example.com'],
    ['notlocalhost'],
    ['localhost@evil.example.com'],
    ['192.168.1.7:5050'],
    ['0.0.0.0:5050'],
    ['[::2]:5050'],
    ['localhost:5050/evil'],
    [''],
  ])('a name that was pointed at this machine: %s', (host) => {
    expect(outcome({ headers: { host } })).toBe(401);
  });

  it('a request without a Host header', () => {
    expect(outcome({ headers: {} })).toBe(401);
  });

  it.each([
    ['x-forwarded-for'],
    ['x-forwarded-host'],
    ['x-forwarded-proto'],
    ['x-forwarded-anything'],
    ['forwarded'],
    ['via'],
    ['x-real-ip'],
    ['cf-connecting-ip'],
    ['cf-ray'],
    ['cdn-loop'],
    ['true-client-ip'],
    ['x-client-ip'],
    ['x-cluster-client-ip'],
    ['fastly-client-ip'],
    ['fly-client-ip'],
    ['ngrok-skip-browser-warning'],
    ['tailscale-user-login'],
    ['x-envoy-external-address'],
    ['x-azure-clientip'],
    ['x-original-forwarded-for'],
    ['x-appengine-user-ip'],
  ])('a tunnel or proxy that adds %s', (name) => {
    expect(outcome({ headers: { host: 'localhost:5050', [name]: '127.0.0.1' } })).toBe(401);
  });

  it.each([
    ['https://evil.example.com'],
    ['http://localhost.evil.example.com'],
    ['null'],
    ['file://localhost'],
    [''],
  ])('a page of another site: Origin %s', (origin) => {
    expect(outcome({ method: 'POST', headers: { host: 'localhost:5050', origin } })).toBe(401);
    expect(outcome({ headers: { host: 'localhost:5050', origin, upgrade: 'websocket' } })).toBe(401);
  });

  it('a script or form of another site that sends no Origin', () => {
    const headers = { host: 'localhost', 'sec-fetch-site': 'cross-site' };
    expect(outcome({ headers: { ...headers, 'sec-fetch-mode': 'no-cors' } })).toBe(401);
    expect(outcome({ method: 'POST', headers: { ...headers, 'sec-fetch-mode': 'navigate' } })).toBe(401);
  });
});

describe('an API key', () => {
  const far = { peerAddress: '203.0.113.5' };

  it('lets in from anywhere, through any tunnel', () => {
    const headers = { host: 'gw.example.com', 'x-forwarded-for': '1.2.3.4' };
    expect(outcome({ ...far, headers: { ...headers, authorization: `Bearer ${key}` } })).toBe('key');
    expect(outcome({ ...far, headers: { ...headers, authorization: `bearer  ${key}` } })).toBe('key');
  });

  it('may be any of several', () => {
    const subject = access({ keys: ['first-key', 'second-key'] });
    for (const each of ['first-key', 'second-key']) {
      expect(outcome({ ...far, headers: { authorization: `Bearer ${each}` } }, subject)).toBe('key');
    }
  });

  it.each([
    ['Bearer wrong'],
    [`Bearer ${key}x`],
    [`Bearer ${key.slice(1)}`],
    ['Bearer '],
    [key],
    [`Basic ${key}`],
    [`Bearer ${key} extra`],
  ])('that is not right is refused: %s', (authorization) => {
    expect(outcome({ ...far, headers: { authorization } })).toBe(401);
  });

  it('in an address opens nothing but the sign-in', () => {
    expect(outcome({ ...far, url: `/v1/calls?key=${key}` })).toBe(401);
    expect(access().signIn(request({ ...far, url: `/v1/calls?key=${key}` }))).toBeUndefined();
    expect(access().signIn(request({ ...far, method: 'POST', url: `/?key=${key}` }))).toBeUndefined();
  });

  it('made at start can not be guessed and fits an address', () => {
    expect(makeKey()).toMatch(/^[\w-]{32}$/);
    expect(makeKey()).not.toBe(makeKey());
  });
});

describe('guessing keys', () => {
  const wrong = { headers: { authorization: 'Bearer wrong' } };
  const right = { headers: { authorization: `Bearer ${key}` } };

  it('ends after 20 wrong ones, for a minute, for that peer alone; the right key is never refused', () => {
    const clock = new VirtualClock();
    const subject = access({ clock });
    for (let n = 0; n < 20; n++) expect(outcome({ peerAddress: '203.0.113.5', ...wrong }, subject)).toBe(401);
    expect(outcome({ peerAddress: '203.0.113.5', ...wrong }, subject)).toBe(429);
    expect(outcome({ peerAddress: '203.0.113.6', ...wrong }, subject)).toBe(401);
    // Through a tunnel, who guesses and who knows come from one address.
    expect(outcome({ peerAddress: '203.0.113.5', ...right }, subject)).toBe('key');
    expect(outcome({ peerAddress: '203.0.113.5', ...wrong }, subject)).toBe(429);
    clock.advance(60_000);
    expect(outcome({ peerAddress: '203.0.113.5', ...wrong }, subject)).toBe(401);
  });

  it('ends at the sign-in too', () => {
    const subject = access();
    const attempt = request({ peerAddress: '203.0.113.5', url: '/?key=wrong' });
    for (let n = 0; n < 20; n++) expect(subject.signIn(attempt)).toMatchObject({ status: 401 });
    expect(subject.signIn(attempt)).toMatchObject({ status: 429, error: { code: 'PATCHCORD_PEER_FLOOD' } });
    expect(signedIn(subject)).toContain('patchcord_session=');
  });

  it('leaves local requests and signed-in browsers of the same peer alone', () => {
    const subject = access();
    const cookie = signedIn(subject);
    for (let n = 0; n < 25; n++) outcome({ headers: { host: 'gw.example.com', ...wrong.headers } }, subject);
    expect(outcome({ headers: { host: 'localhost' } }, subject)).toBe('local');
    expect(outcome({ headers: { host: 'gw.example.com', cookie } }, subject)).toBe('session');
  });

  it('from one IPv6 network counts as one peer, and memory stays bounded', () => {
    const attempts = new FailedAttempts(new VirtualClock(), { perWindow: 2, windowMs: 1000, peers: 3 });
    attempts.failed('2001:db8::1');
    attempts.failed('2001:db8:0:0:ffff::2');
    expect(attempts.waitMs('2001:db8::3')).toBe(1000);
    expect(attempts.waitMs('2001:db8:0:1::3')).toBe(0);
    for (let n = 0; n < 50; n++) attempts.failed(`203.0.113.${n}`);
    expect(attempts.size).toBe(3);
  });
});

describe('a browser that has shown a key', () => {
  const host = 'gw.example.com';

  it('is sent to / with a cookie that scripts and other sites never get, and that holds no key', () => {
    const reply = access().signIn(
      request({ peerAddress: '203.0.113.5', url: `/?key=${key}`, headers: { host } }),
    );
    if (!reply?.allowed) throw new Error('not signed in');
    expect(reply.headers.location).toBe('/');
    expect(reply.headers['set-cookie']).toMatch(
      /^patchcord_session=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    expect(reply.headers['set-cookie']).not.toContain(key);
  });

  it('gets the cookie for encrypted ways only where its way is encrypted', () => {
    const subject = access();
    const cookie = (headers: Record<string, string>) => {
      const reply = subject.signIn(request({ url: `/?key=${key}`, headers: { host, ...headers } }));
      return reply?.allowed ? reply.headers['set-cookie'] : undefined;
    };
    expect(cookie({ 'x-forwarded-proto': 'https' })).toMatch(/; Secure$/);
    expect(cookie({ forwarded: 'for=1.2.3.4;proto=https' })).toMatch(/; Secure$/);
    expect(cookie({ 'x-forwarded-proto': 'http' })).not.toMatch(/Secure/);
  });

  it('may read, and may act and open sockets from the page of the gateway', () => {
    const subject = access();
    const cookie = signedIn(subject);
    const own = { host, cookie, origin: `https://${host}` };
    expect(outcome({ headers: { host, cookie } }, subject)).toBe('session');
    expect(outcome({ method: 'POST', headers: own }, subject)).toBe('session');
    expect(outcome({ headers: { ...own, upgrade: 'websocket' } }, subject)).toBe('session');
    expect(outcome({ method: 'POST', headers: { ...own, host: `${host}:443` } }, subject)).toBe('session');
  });

  it('may do so behind a proxy that changes the Host header, when PUBLIC_URL says so', () => {
    const subject = access({ publicUrl: 'https://gw.example.com' });
    const cookie = signedIn(subject);
    const headers = { host: '10.0.0.3:5050', cookie, origin: 'https://gw.example.com' };
    expect(outcome({ method: 'POST', headers }, subject)).toBe('session');
    expect(outcome({ method: 'POST', headers }, access())).toBe(403);
  });

  it.each([
    ['acts without naming its page', { method: 'POST' }, {}],
    ['opens a socket without naming its page', {}, { upgrade: 'websocket' }],
    ['acts for another site', { method: 'POST' }, { origin: 'https://evil.example.com' }],
    ['opens a socket for another site', {}, { upgrade: 'websocket', origin: 'https://evil.example.com' }],
    ['reads for another site', {}, { origin: 'https://evil.example.com' }],
    ['acts for a page without an origin', { method: 'DELETE' }, { origin: 'null' }],
  ])('is refused when it %s', (_, fields, headers) => {
    const subject = access();
    const cookie = signedIn(subject);
    expect(outcome({ ...fields, headers: { host, cookie, ...headers } }, subject)).toBe(403);
  });

  it('is signed out after 12 hours, when the key is withdrawn, and when the cookie is changed', () => {
    const clock = new VirtualClock();
    const subject = access({ clock });
    const cookie = signedIn(subject);
    const far = { peerAddress: '203.0.113.5' };
    const later = cookie.replace(/=(\d+)\./, (_, expiry) => `=${Number(expiry) + 9999}.`);
    expect(outcome({ ...far, headers: { host, cookie: `a=b; ${cookie}; c=d` } }, subject)).toBe('session');
    expect(outcome({ ...far, headers: { host, cookie } }, access({ clock, keys: ['another'] }))).toBe(401);
    expect(outcome({ ...far, headers: { host, cookie: later } }, subject)).toBe(401);
    expect(outcome({ ...far, headers: { host, cookie: 'patchcord_session=' } }, subject)).toBe(401);
    clock.advance(12 * 3_600_000);
    expect(outcome({ ...far, headers: { host, cookie } }, subject)).toBe(401);
  });

  it('stays signed in when the gateway restarts with the same key', () => {
    const cookie = signedIn(access());
    expect(outcome({ peerAddress: '203.0.113.5', headers: { host, cookie } }, access())).toBe('session');
  });
});

describe('an upgrade to a WebSocket', () => {
  const upgrade = (remoteAddress: string, headers: Record<string, string>) =>
    accessRequest({ socket: { remoteAddress }, method: 'GET', url: '/v1/events', headers } as never);

  it('is decided like a request', () => {
    const headers = { host: 'localhost', upgrade: 'websocket' };
    expect(outcome(upgrade('127.0.0.1', headers))).toBe('local');
    expect(outcome(upgrade('203.0.113.5', headers))).toBe(401);
  });
});
