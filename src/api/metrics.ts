import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type { ErrorCode, PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { CallEvent } from '../call/events.ts';
import type { Access } from './access.ts';
import { type CallMetrics, callMetrics } from './call-metrics.ts';
import { type ProcessMetrics, processMetrics } from './process-metrics.ts';
import { errorHandler, requireAccess } from './replies.ts';

export interface MetricsOptions {
  readonly version: string;
  readonly maxCalls: number;
  draining(): boolean;
}

/** The figures of this process for Prometheus, counted from the events of its calls. `docs/metrics.md` lists them. */
export class Metrics {
  readonly registry = new Registry();
  readonly #calls: CallMetrics;
  readonly #process: ProcessMetrics;
  /** Carrier of each live call. */
  readonly #carriers = new Map<string, string>();

  constructor(options: MetricsOptions) {
    this.#calls = callMetrics(this.registry);
    this.#process = processMetrics(this.registry, options);
  }

  /** An observer of all calls. */
  readonly observe = (event: CallEvent): void => {
    const carrier = this.#carriers.get(event.callId);
    if (event.type === 'call.started') this.#started(event.callId, event.call.carrier, event.call.direction);
    else if (carrier !== undefined) this.#count(event, carrier);
  };

  /** A carrier's peer was refused, or sent what its protocol does not have. */
  refused(carrier: string, error: PatchcordError): void {
    this.#calls.refusedPeers.inc({ carrier, code: error.code });
  }

  /** A call was not taken: too many, or shutting down. */
  admissionRefused(code: ErrorCode): void {
    this.#calls.admissionRefusals.inc({ code });
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  close(): void {
    this.#process.close();
  }

  #started(callId: string, carrier: string, direction: string): void {
    this.#carriers.set(callId, carrier);
    this.#calls.live.inc({ carrier });
    this.#calls.started.inc({ carrier, direction });
  }

  #count(event: CallEvent, carrier: string): void {
    const metrics = this.#calls;
    switch (event.type) {
      case 'call.ended': {
        this.#carriers.delete(event.callId);
        metrics.live.dec({ carrier });
        metrics.ended.inc({ carrier, reason: event.reason });
        metrics.callDuration.observe({ carrier }, event.call.liveMs / 1000);
        metrics.paddedCallerAudio.inc({ carrier }, event.call.stats.paddedCallerAudioMs / 1000);
        return;
      }
      case 'latency.pick-up':
        metrics.pickUp.observe({ carrier }, event.firstAudioMs / 1000);
        return;
      case 'latency.turn':
        // Told a second time when the carrier acknowledges; only that is new then.
        if (event.heardMs !== undefined) metrics.answerHeard.observe({ carrier }, event.heardMs / 1000);
        else {
          metrics.answer.observe({ carrier }, event.firstAudioMs / 1000);
          if (event.endpointingMs !== undefined) metrics.endpointing.observe(event.endpointingMs / 1000);
        }
        return;
      case 'barge-in':
        metrics.bargeIns.inc({ carrier, cause: event.cause });
        metrics.clear.observe(event.clearMs / 1000);
        return;
      case 'playout.underrun':
        metrics.underruns.inc({ carrier });
        return;
      case 'caller-audio.lost':
        metrics.lostCallerAudio.inc({ carrier }, event.lostMs / 1000);
        return;
      case 'agent-audio.lost':
        metrics.lostAgentAudio.inc({ carrier }, event.lostMs / 1000);
        return;
      case 'model.state':
        if (event.to === 'resuming') metrics.modelResumes.inc();
        return;
      case 'tool.finished':
        metrics.tools.inc({ outcome: event.ok ? 'ok' : 'failed' });
        return;
      case 'usage':
        for (const [kind, tokens] of tokenKinds) metrics.tokens.inc({ kind }, event.usage[tokens]);
        return;
      case 'error':
        metrics.errors.inc({ carrier, code: event.code });
        if (isModelError(event.code)) metrics.modelErrors.inc({ code: event.code });
        if (event.code === 'PATCHCORD_TRUNCATION_REFUSED') metrics.truncationRejections.inc();
        return;
      default:
        return;
    }
  }
}

const tokenKinds = [
  ['input_text', 'inputTextTokens'],
  ['input_audio', 'inputAudioTokens'],
  ['cached_text', 'cachedTextTokens'],
  ['cached_audio', 'cachedAudioTokens'],
  ['output_text', 'outputTextTokens'],
  ['output_audio', 'outputAudioTokens'],
] as const;

function isModelError(code: ErrorCode): boolean {
  return (
    code.startsWith('PATCHCORD_MODEL') ||
    code === 'PATCHCORD_RESPONSE_FAILED' ||
    code === 'PATCHCORD_TRUNCATION_REFUSED'
  );
}

export interface MetricsApi {
  readonly metrics: Pick<Metrics, 'registry' | 'text'>;
  readonly access: Pick<Access, 'decide'>;
  readonly log: Logger;
}

/** Adds `GET /metrics`: Prometheus text. Asks for a key as the API does, as the figures tell of the callers. */
export function registerMetrics(app: FastifyInstance, { metrics, access, log }: MetricsApi): void {
  app.register((scope, _options, done) => {
    scope.setErrorHandler(errorHandler(log));
    scope.addHook('onRequest', requireAccess(access, log));
    scope.get('/metrics', async (_request, reply) => {
      reply.header('content-type', metrics.registry.contentType);
      return metrics.text();
    });
    done();
  });
}
