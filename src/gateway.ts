import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import { SystemClock } from './base/clock.ts';
import { registerWebhooks } from './carriers/webhook-server.ts';
import { twilioCarrier } from './carriers/twilio/carrier.ts';
import type { Settings } from './config/schema.ts';
import { chooseModel } from './model-choice.ts';
import { type Server, startServer } from './server.ts';
import { Switchboard } from './switchboard.ts';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface Gateway {
  readonly url: string;
  readonly switchboard: Switchboard;
  readonly demo: boolean;
  drain(): Promise<void>;
  close(): Promise<void>;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, log } = options;
  const clock = options.clock ?? new SystemClock();
  const choice = await chooseModel(settings, clock, log);
  const switchboard = await Switchboard.create({ settings, clock, log, model: choice.model, refused: () => undefined });
  const carriers = [
    twilioCarrier(
      {
        ...settings.twilio,
        streamTokenTtlMs: settings.carriers.streamTokenTtlMs,
        maxCallMs: settings.call.maxDurationMs,
        ringTimeoutMs: settings.call.answerTimeoutMs,
      },
      switchboard.host,
    ),
  ];
  const server: Server = await startServer({
    host: settings.server.host,
    port: settings.server.port,
    log,
    sockets: carriers.flatMap((carrier) => carrier.sockets),
    async routes(app) {
      registerWebhooks(app, carriers.flatMap((carrier) => carrier.webhooks), log);
      app.get('/healthz', () => ({ ok: true }));
      app.get('/readyz', (_request, reply) => reply.status(switchboard.draining ? 503 : 200).send({}));
    },
  });
  return {
    url: server.url,
    switchboard,
    demo: choice.demo,
    drain: () => switchboard.drain(),
    async close() {
      for (const carrier of carriers) carrier.close();
      await server.close();
      await choice.close();
    },
  };
}
