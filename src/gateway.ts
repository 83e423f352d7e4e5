import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { InstructionFiles } from './agents/instruction-files.ts';
import { Access, accessRequest } from './api/access.ts';
import { makeKey } from './api/access-keys.ts';
import { type AiCallsSettings, registerAiCalls } from './api/ai-calls.ts';
import { callLog } from './api/call-log.ts';
import { type Announcing, registerCallsApi } from './api/calls.ts';
import { registerConsole } from './api/console.ts';
import type { CarrierStatus, StatusReply } from './api/contract.ts';
import { Dialling } from './api/dialling.ts';
import { EventsSocket } from './api/events-socket.ts';
import { registerHealth } from './api/health.ts';
import { registerInstructions } from './api/instructions.ts';
import { LogStream } from './api/log-stream.ts';
import { Metrics, registerMetrics } from './api/metrics.ts';
import { registerOpenApi } from './api/openapi.ts';
import { notFoundHandler } from './api/replies.ts';
import { type Clock, SystemClock } from './base/clock.ts';
import { PatchcordError } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import { version } from './base/version.ts';
import type { Tool } from './call/tools.ts';
import { CallAgents, toolsOf } from './call-agents.ts';
import { asteriskCarrier } from './carriers/asterisk/carrier.ts';
import { audioSocketCarrier } from './carriers/audiosocket/carrier.ts';
import { avrCarrier } from './carriers/avr/carrier.ts';
import type { Carrier, SocketRoute, UpgradeDecision } from './carriers/carrier.ts';
import { genesysCarrier } from './carriers/genesys/carrier.ts';
import { plivoCarrier } from './carriers/plivo/carrier.ts';
import { softphoneCarrier, softphoneDefaults } from './carriers/softphone/carrier.ts';
import { telnyxCarrier } from './carriers/telnyx/carrier.ts';
import { twilioCarrier } from './carriers/twilio/carrier.ts';
import { registerWebhooks } from './carriers/webhook-server.ts';
import type { Settings } from './config/schema.ts';
import { type OpenListener, openListeners } from './listeners.ts';
import { chooseModel, type ModelChoice } from './model-choice.ts';
import { type Server, startServer } from './server.ts';
import { Switchboard } from './switchboard.ts';

export interface GatewayOptions {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock?: Clock;
  /** What agents may call beside the built-in tools. */
  readonly tools?: readonly Tool[];
}

export interface Gateway {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /** The carriers' own ports. */
  readonly listeners: readonly Pick<OpenListener, 'name' | 'url' | 'port'>[];
  readonly switchboard: Switchboard;
  readonly model: { readonly name: string; readonly demo: boolean };
  /** The key that was made because none is configured. */
  readonly madeKey: string | undefined;
  /** Takes no new calls; settles when the live ones have ended, within the drain bound. */
  drain(): Promise<void>;
  /** Cuts the live calls; settles when their carriers know, within half a second. */
  cutShort(): Promise<void>;
  /** Stops listening and ends everything. */
  close(): Promise<void>;
}

/** Largest message of a feed's listener: they have nothing to say. */
const maxListenerBytes = 4096;
/** How much sooner than the engine a carrier stops ringing, and how long it rings at least. */
const ringMarginMs = 5000;
const minRingMs = 5000;

/** Puts the parts together from the settings and starts them. Rejects when a part can't start. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, log } = options;
  const clock = options.clock ?? new SystemClock();
  const choice = await chooseModel(settings, clock, log);
  try {
    return await start(options, clock, choice);
  } catch (thrown) {
    await choice.close();
    throw thrown;
  }
}

async function start(options: GatewayOptions, clock: Clock, choice: ModelChoice): Promise<Gateway> {
  const { settings, log } = options;
  const agents = new CallAgents({ settings, clock, log });
  const tools = await toolsOf({ settings, clock, log }, options.tools ?? []);
  const metrics = new Metrics({
    version,
    maxCalls: settings.call.maxCalls,
    draining: () => switchboard.draining,
  });
  const switchboard: Switchboard = await Switchboard.create({
    settings,
    clock,
    log,
    model: choice.model,
    tools,
    peerRefused: (carrier, error) => metrics.refused(carrier, error),
    lookUp: (carrierCallId) => agents.lookUp(carrierCallId),
    callRefused: (error) => metrics.admissionRefused(error.code),
  });
  const { directory } = switchboard;
  agents.summarise(directory);
  const madeKey = settings.api.keys.length === 0 ? makeKey() : undefined;
  const keys = madeKey === undefined ? settings.api.keys : [madeKey];
  const { publicUrl } = settings.server;
  const access = new Access({ clock, keys, ...(publicUrl === undefined ? {} : { publicUrl }) });
  const authorize = (request: IncomingMessage): UpgradeDecision => {
    const decision = access.decide(accessRequest(request));
    return decision.allowed
      ? { accept: true }
      : { accept: false, status: decision.status, error: decision.error };
  };
  const authorizeListener = (request: IncomingMessage): UpgradeDecision => {
    const decision = authorize(request);
    if (!decision.accept) switchboard.host.refused('api', decision.error, { status: decision.status });
    return decision;
  };
  const carriers = carriersOf(settings, switchboard, authorize);
  const dialling = new Dialling({
    clock,
    carriers,
    ...settings.dial,
    admission: () => switchboard.host.admission(),
    observe: (observer) => directory.observe(observer),
  });
  const feeds = { calls: directory, clock, log };
  const events = new EventsSocket(feeds);
  const logStream = new LogStream(feeds);
  const stopMetrics = directory.observe(metrics.observe);
  const stopLog = directory.observe(callLog({ log, content: settings.log.content }));
  const status = (): StatusReply => ({
    version,
    model: { name: choice.model.name, demo: choice.demo },
    carriers: dialling.carriers().map((dials) => ({ ...dials, ...inboundOf(dials.name, carriers) })),
    draining: switchboard.draining,
    liveCalls: directory.size,
    maxCalls: settings.call.maxCalls,
  });
  const server: Server = await startServer({
    host: settings.server.host,
    port: settings.server.port,
    clock,
    log,
    streams: carriers.flatMap((carrier) => carrier.streams ?? []),
    sockets: [
      ...carriers.flatMap((carrier) => carrier.sockets),
      listenerRoute('/v1/events', authorizeListener, (socket) => events.attach(socket)),
      listenerRoute('/log-stream', authorizeListener, (socket, request) =>
        logStream.attach(socket, request.url ?? '/'),
      ),
    ],
    async routes(app: FastifyInstance) {
      app.setNotFoundHandler(notFoundHandler);
      registerHealth(app, () => !switchboard.draining);
      registerMetrics(app, { metrics, access, log });
      registerOpenApi(app, { version, access, log });
      registerCallsApi(app, {
        access,
        calls: directory,
        dialling,
        announcing: announcingOf(carriers),
        log,
        status,
      });
      registerAiCalls(app, {
        access,
        calls: directory,
        dialling,
        log,
        settings: aiCallsSettings(settings),
        now: () => new Date(clock.epochMs()).toISOString(),
      });
      registerInstructions(app, { access, files: new InstructionFiles(settings.api.instructionsDir), log });
      registerWebhooks(
        app,
        carriers.flatMap((carrier) => carrier.webhooks),
        log,
      );
      registerConsole(app, access);
    },
  });
  let listeners: OpenListener[];
  try {
    listeners = await openListeners(
      carriers.flatMap((carrier) => carrier.listeners ?? []),
      { host: settings.server.host, clock, log },
    );
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
  return {
    url: server.url,
    port: server.port,
    listeners,
    switchboard,
    model: { name: choice.model.name, demo: choice.demo },
    madeKey,
    drain: () => switchboard.drain(),
    cutShort: () => switchboard.cutShort(),
    async close() {
      for (const call of directory.calls()) call.end('drain');
      events.close();
      logStream.close();
      dialling.close();
      for (const carrier of carriers) carrier.close();
      await Promise.all([server.close(), ...listeners.map((listener) => listener.close())]);
      await agents.close();
      stopMetrics();
      stopLog();
      metrics.close();
      await choice.close();
    },
  };
}

function carriersOf(
  settings: Settings,
  switchboard: Switchboard,
  authorize: (request: IncomingMessage) => UpgradeDecision,
): Carrier[] {
  const { host } = switchboard;
  const times = {
    streamTokenTtlMs: settings.carriers.streamTokenTtlMs,
    maxCallMs: settings.call.maxDurationMs,
    // The carrier gives up first, so that a call that nobody answers ends with what the carrier says of it.
    ringTimeoutMs: Math.max(minRingMs, settings.call.answerTimeoutMs - ringMarginMs),
  };
  return [
    twilioCarrier({ ...settings.twilio, ...times }, host),
    telnyxCarrier({ ...settings.telnyx, ...times }, host),
    plivoCarrier({ ...settings.plivo, ...times }, host),
    genesysCarrier(settings.genesys, host),
    avrCarrier(settings.avr, host),
    audioSocketCarrier(settings.asterisk, host),
    asteriskCarrier(settings.asterisk, host),
    softphoneCarrier(softphoneDefaults, host, { authorize }),
  ];
}

function inboundOf(
  name: string,
  carriers: readonly Carrier[],
): Pick<CarrierStatus, 'takesCalls' | 'missingForCalls'> {
  const missingForCalls = carriers.find((each) => each.name === name)?.inboundMissing ?? [];
  return { takesCalls: missingForCalls.length === 0, missingForCalls };
}

function aiCallsSettings({ telnyx, openai, server }: Settings): AiCallsSettings {
  return {
    hasApiKey: telnyx.apiKey !== undefined,
    fromNumber: telnyx.fromNumber,
    hasAppId: telnyx.callControlAppId !== undefined,
    hasOutboundProfile: telnyx.outboundProfileId !== undefined,
    apiBaseUrl: telnyx.apiBaseUrl,
    hasModel: openai.apiKey !== undefined,
    publicUrl: server.publicUrl,
  };
}

function announcingOf(carriers: readonly Carrier[]): Announcing {
  return {
    announce({ carrier: name, id, from, to, variables = {}, instructions, voice, greeting }) {
      const carrier = carriers.find((each) => each.name === name);
      if (!carrier) {
        throw new PatchcordError('PATCHCORD_REQUEST_INVALID', 'carrier: there is no carrier of this name.');
      }
      if (!carrier.announce) throw new PatchcordError('PATCHCORD_ANNOUNCE_NOT_POSSIBLE');
      carrier.announce({
        carrierCallId: id,
        ...(from ? { from } : {}),
        ...(to ? { to } : {}),
        variables,
        overrides: {
          ...(instructions ? { instructions } : {}),
          ...(voice ? { voice } : {}),
          ...(greeting ? { greeting } : {}),
        },
      });
    },
  };
}

/** A WebSocket that only listens, behind the same door as the REST API. */
function listenerRoute(
  path: string,
  authorize: SocketRoute['authorize'],
  connect: SocketRoute['connect'],
): SocketRoute {
  return { path, maxPayloadBytes: maxListenerBytes, recognises: () => true, authorize, connect };
}
