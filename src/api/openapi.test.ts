import { Ajv2020 } from 'ajv/dist/2020.js';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { errorCodes, PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Access } from './access.ts';
import { registerCallsApi } from './calls.ts';
import { registerInstructions } from './instructions.ts';
import { openApiDocument, registerOpenApi } from './openapi.ts';
import { snapshotOf, turnOf } from './test-fixtures.ts';

interface Media {
  readonly content?: Record<string, { readonly schema: Record<string, unknown> }>;
}

interface Document {
  readonly paths: Record<
    string,
    Record<string, { operationId: string; requestBody?: Media; responses: Record<string, Media> }>
  >;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
}

const document = openApiDocument('1.2.3') as unknown as Document;

/** Whether a value fits a schema of the document, references and all. */
function fits(schema: object | undefined, value: unknown): boolean {
  if (!schema) throw new Error('the document has no such schema');
  const ajv = new Ajv2020({ strict: false });
  return ajv.validate({ ...schema, components: document.components }, value);
}

function replySchema(path: string, method: string, status: number): object | undefined {
  return document.paths[path]?.[method]?.responses[status]?.content?.['application/json']?.schema;
}

function gateway() {
  const routes: string[] = [];
  const app = Fastify();
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (each !== 'HEAD') routes.push(`${each} ${url}`);
  });
  const access = new Access({ clock: new VirtualClock(), keys: ['the-key'] });
  const call = snapshotOf('a', { turns: [turnOf(1, { cut: 'caller-spoke' })] });
  registerCallsApi(app, {
    access,
    calls: {
      find: (id) =>
        id === 'a'
          ? {
              snapshot: () => call,
              interrupt: () => true,
              say: () => true,
              sendDigits: async () => undefined,
              canTransfer: true,
              transfer: async () => ({ transferred: false, detail: 'the call has ended' }),
              end: () => undefined,
            }
          : undefined,
      snapshots: () => [call],
    },
    dialling: {
      dial: () =>
        Promise.reject(new PatchcordError('PATCHCORD_DIAL_NOT_ALLOWED', undefined, { setting: 'X' })),
      transferTarget: (to) => ({ to }),
    },
    announcing: { announce: () => undefined },
    log: silentLogger,
    status: () => ({
      version: '1.2.3',
      model: { name: 'demo', demo: true },
      carriers: [{ name: 'softphone', takesCalls: true, missingForCalls: [], canDial: false, missing: [] }],
      draining: false,
      liveCalls: 1,
      maxCalls: 500,
    }),
  });
  registerInstructions(app, {
    access,
    files: {
      list: async () => ['shop.md'],
      read: async (name) => (name === 'shop' ? { name: 'shop.md', instructions: 'Sell.' } : undefined),
      save: async () => undefined,
    },
    log: silentLogger,
  });
  registerOpenApi(app, { version: '1.2.3', access, log: silentLogger });
  return { app, routes };
}

describe('/openapi.json', () => {
  it('has every route of the API, and no other but the event stream', async () => {
    const { app, routes } = gateway();
    await app.ready();
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const served = routes.filter((route) => !route.endsWith('/openapi.json'));
    expect(described.toSorted()).toEqual([...served, 'GET /v1/events'].toSorted());
    await app.close();
  });

  it('describes the answers that the routes really give', async () => {
    const { app } = gateway();
    const cases = [
      ['GET', '/v1/status', '/v1/status', 200],
      ['GET', '/v1/calls', '/v1/calls', 200],
      ['GET', '/v1/calls/a', '/v1/calls/{id}', 200],
      ['GET', '/v1/calls/b', '/v1/calls/{id}', 404],
      ['POST', '/v1/calls/a/hangup', '/v1/calls/{id}/hangup', 200],
      ['POST', '/v1/calls/a/interrupt', '/v1/calls/{id}/interrupt', 200],
      ['POST', '/v1/calls', '/v1/calls', 403],
      ['POST', '/v1/calls/a/transfer', '/v1/calls/{id}/transfer', 200],
      ['POST', '/v1/calls/b/transfer', '/v1/calls/{id}/transfer', 404],
      ['POST', '/make-call', '/make-call', 403],
      ['GET', '/instructions', '/instructions', 200],
      ['GET', '/instructions/shop', '/instructions/{filename}', 200],
      ['GET', '/instructions/none', '/instructions/{filename}', 404],
      ['POST', '/save-instructions', '/save-instructions', 200],
    ] as const;
    for (const [method, url, path, status] of cases) {
      const payload =
        method === 'POST' ? { to: '+15551230100', fileName: 'shop', instructions: 'Sell.' } : undefined;
      const reply = await app.inject({
        method,
        url,
        headers: { host: 'localhost' },
        ...(payload ? { payload } : {}),
      });
      expect([url, reply.statusCode]).toEqual([url, status]);
      expect([url, fits(replySchema(path, method.toLowerCase(), status), reply.json())]).toEqual([url, true]);
    }
    await app.close();
  });

  it('tells right bodies from wrong ones', () => {
    const body = document.paths['/v1/calls']?.post?.requestBody?.content?.['application/json']?.schema;
    expect(fits(body, { to: '+15551230100', voice: 'cedar', more: 1 })).toBe(true);
    expect(fits(body, { voice: 'cedar' })).toBe(false);
    expect(fits(body, { to: '+15551230100', greeting: 5 })).toBe(false);
    expect(fits(replySchema('/v1/calls', 'get', 200), { calls: [{ callId: 'a' }] })).toBe(false);
  });

  it('has every error code with its meaning', () => {
    const codes = document.components.schemas.ErrorCode;
    expect(codes?.enum).toEqual(Object.keys(errorCodes));
    expect(codes?.description).toContain(errorCodes.PATCHCORD_DIAL_LIMIT);
  });

  it('refers only to what it has, and names each operation once', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
    for (const [, name = ''] of references) expect(document.components.schemas).toHaveProperty(name);
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map((operation) => operation.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is served as JSON, to who may use the API', async () => {
    const { app } = gateway();
    const reply = await app.inject({ url: '/openapi.json', headers: { host: 'localhost' } });
    expect(reply.json()).toEqual(document);
    const far = await app.inject({ url: '/openapi.json', headers: { host: 'gw.example.com' } });
    expect(far.statusCode).toBe(401);
    await app.close();
  });
});
