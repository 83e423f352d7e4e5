import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Access, accessRequest } from './access.ts';
import { sendError } from './replies.ts';

const root = fileURLToPath(new URL('../../web/dist/', import.meta.url));

/** The page loads from here alone, talks to here alone, and nobody may frame it. */
const pageHeaders: Readonly<Record<string, string>> = {
  // `ws:` for browsers to which 'self' is HTTP alone.
  'content-security-policy':
    "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; " +
    "form-action 'self'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
};

/** For programs that only want to know whether somebody is there. */
const running = { message: 'Patchcord is running.' } as const;

function wantsJson({ method, url, headers: { accept = '' } }: FastifyRequest): boolean {
  const isPage = method === 'GET' && url.split('?', 1)[0] === '/';
  return isPage && accept.includes('application/json') && !accept.includes('text/html');
}

/**
 * The console's page and its files at `/`. They hold nothing of the gateway, so they are open; what they ask for is
 * not. `GET /?key=KEY` signs a browser in; with a key that is refused, people get the page, which asks for another, and
 * programs get the error. Programs that ask `/` for JSON are told that the gateway runs.
 */
export function registerConsole(app: FastifyInstance, access: Access): void {
  const built = existsSync(root);
  app.register(async (scope) => {
    scope.addHook('onRequest', async (request, reply) => {
      const signIn = access.signIn(accessRequest(request.raw));
      if (signIn === undefined) return wantsJson(request) ? reply.send(running) : undefined;
      if (signIn.allowed) return reply.status(303).headers(signIn.headers).send();
      if (built && request.headers.accept?.includes('text/html') === true) {
        return reply.status(signIn.status).sendFile('index.html');
      }
      return sendError(reply, signIn.error, signIn.status);
    });
    if (!built) {
      scope.get('/', (_request, reply) =>
        reply
          .type('text/plain')
          .send('Patchcord is running. The console was not built: npm start builds it.\n'),
      );
      return;
    }
    await scope.register(fastifyStatic, {
      root,
      setHeaders(reply, path) {
        for (const [name, value] of Object.entries(pageHeaders)) reply.header(name, value);
        // Names of built files hold a hash of their content.
        const hashed = /-[\w-]{8}\.\w+$/.test(path);
        reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  });
}
