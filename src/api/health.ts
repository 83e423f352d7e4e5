import type { FastifyInstance } from 'fastify';

/** `/healthz`: the process lives. `/readyz`: it takes new calls. Both are open and say nothing else. */
export function registerHealth(app: FastifyInstance, ready: () => boolean): void {
  app.get('/healthz', () => ({ ok: true }));
  app.get('/readyz', (_request, reply) => {
    const isReady = ready();
    return reply.status(isReady ? 200 : 503).send({ ready: isReady });
  });
}
