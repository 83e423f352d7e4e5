import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Model, ModelHealth } from '../model.ts';
import { fatalError, setupError } from './faults.ts';
import { ModelLink } from './link.ts';
import { deriveRealtimeUrl, type OpenAiRealtimeSettings, profileFor } from './profiles.ts';
import { OpenAiRealtimeSession, type SessionParts } from './session.ts';
import { type ConnectSocket, socketConnector } from './socket.ts';

export interface OpenAiRealtimeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** How sockets are opened; tests bring their own. */
  readonly connect?: ConnectSocket;
}

/** The OpenAI Realtime API and servers that speak it. Throws PATCHCORD_CONFIG_INVALID for a base URL that is none. */
export function openAiRealtimeModel(settings: OpenAiRealtimeSettings, deps: OpenAiRealtimeDeps): Model {
  // A base URL that is none is told now, not by the first call.
  deriveRealtimeUrl(settings.baseUrl, settings.model);
  const parts: SessionParts = {
    settings,
    profile: profileFor(settings.baseUrl),
    url: (model) => deriveRealtimeUrl(settings.baseUrl, model),
    connect: deps.connect ?? socketConnector(),
    clock: deps.clock,
  };
  return {
    name: `openai/${settings.model}`,
    open: (options, events) => new OpenAiRealtimeSession(parts, options, events),
    check: () => check(parts, deps.log),
  };
}

/** Healthy is: the handshake is accepted and the server greets. Nothing is said, so nothing is billed. */
function check(parts: SessionParts, log: Logger): Promise<ModelHealth> {
  const { clock, settings, profile } = parts;
  const startedAt = clock.now();
  return new Promise((resolve) => {
    const finish = (health: ModelHealth): void => {
      deadline.cancel();
      link.close();
      resolve(health);
    };
    const deadline = clock.setTimeout(() => {
      const details = { connected: link.isOpen };
      finish({ ok: false, error: new PatchcordError('PATCHCORD_MODEL_TIMEOUT', undefined, details) });
    }, settings.connectTimeoutMs);
    const link: ModelLink = new ModelLink({
      request: {
        url: parts.url(settings.model),
        headers: profile.headers(settings),
        handshakeTimeoutMs: settings.connectTimeoutMs,
      },
      connect: parts.connect,
      clock,
      log,
      events: {
        message(message) {
          if (message.type === 'session.created') {
            finish({ ok: true, latencyMs: clock.now() - startedAt });
          } else if (message.type === 'error') {
            finish({ ok: false, error: fatalError(message.fault) ?? setupError(message.fault) });
          }
        },
        nonsense(error) {
          finish({ ok: false, error });
        },
        lost(error) {
          finish({ ok: false, error });
        },
      },
    });
  });
}
