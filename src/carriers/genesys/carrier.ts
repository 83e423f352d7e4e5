import { asPatchcordError, PatchcordError } from '../../base/errors.ts';
import type { Party } from '../../call/party.ts';
import type { Carrier, CarrierHost, SocketRoute, WebhookReply, WebhookRoute } from '../carrier.ts';
import { missingSettings } from '../missing-settings.ts';
import { headerOf } from '../webhooks.ts';
import { UpgradeAuth, type UpgradeRefusal } from './auth.ts';
import { Ending } from './ending.ts';
import { overridesOf, variablesOf } from './inputs.ts';
import { GenesysLeg, playbackOf } from './leg.ts';
import { GenesysSession, type SessionOwner } from './session.ts';
import { endingTools } from './tools.ts';
import { maxTextBytes, type OpenMessage } from './wire.ts';

export interface GenesysSettings {
  /** Of the Audio Connector integration. Undefined: everybody is refused. */
  readonly apiKey?: string | undefined;
  /** Of the integration, base64. Undefined: upgrades need no signature. */
  readonly clientSecret?: string | undefined;
  /** The least audio in one binary message. */
  readonly frameMs: number;
  readonly maxFramesPerSecond: number;
  readonly maxMessagesPerSecond: number;
  /** Agent audio that Genesys is sent ahead of the ear. */
  readonly maxQueuedMs: number;
  /** For `[AGENT_NAME]` and `[COMPANY_NAME]`, where a flow gives none. */
  readonly agentName: string;
  readonly companyName: string;
  /** What the agent is to put into `CONVERSATION_SUMMARY`. */
  readonly endingPrompt: string;
}

const name = 'genesys';
const path = '/audiohook';
/** Refusals take this long, whatever is wrong. AudioHook documentation, "Security". */
const refusalDelayMs = 500;

/** Genesys Cloud Audio Connector: AudioHook protocol version 2, docs/carriers/genesys.md. */
export function genesysCarrier(settings: GenesysSettings, host: CarrierHost): Carrier {
  const { apiKey, clientSecret } = settings;
  const auth = new UpgradeAuth({ apiKey, clientSecret, publicUrl: host.publicUrl }, host.clock);
  return {
    name,
    webhooks: [plainRoute(auth, host), healthRoute(host)],
    sockets: [sessionRoute(auth, settings, host)],
    dialMissing: [],
    inboundMissing: missingSettings({ GENESYS_API_KEY: apiKey !== undefined }),
    close: () => undefined,
  };
}

function sessionRoute(auth: UpgradeAuth, settings: GenesysSettings, host: CarrierHost): SocketRoute {
  return {
    path,
    below: true,
    maxPayloadBytes: maxTextBytes,
    recognises: () => true,
    authorize(request) {
      const refusal = auth.refuse(request);
      if (refusal === undefined) return { accept: true };
      told(refusal, host);
      return { accept: false, ...refusal, delayMs: refusalDelayMs };
    },
    connect(socket, request) {
      const sessionId = headerOf(request.headers, 'audiohook-session-id');
      new GenesysSession(
        socket,
        request.socket,
        {
          sessionId,
          organizationId: headerOf(request.headers, 'audiohook-organization-id'),
          messagesPerSecond: settings.maxMessagesPerSecond,
        },
        {
          clock: host.clock,
          log: host.log,
          open: (open, session) => makeCall({ open, session, sessionId, settings, host }),
          refused: (error, fields) => host.refused(name, error, { ...error.details, ...fields, sessionId }),
        },
      );
    },
  };
}

interface NewCall {
  readonly open: OpenMessage;
  readonly session: GenesysSession;
  readonly sessionId: string;
  readonly settings: GenesysSettings;
  readonly host: CarrierHost;
}

function makeCall({ open, session, sessionId, settings, host }: NewCall): SessionOwner | PatchcordError {
  const ending = new Ending(host.clock);
  const leg = new GenesysLeg({
    session,
    sessionId,
    conversationId: open.conversationId.slice(0, 64),
    party: partyOf(open),
    playback: playbackOf(settings),
    ending,
    clock: host.clock,
    log: host.log,
  });
  try {
    host.accept(leg, {
      overrides: overridesOf(open, settings),
      tools: endingTools(ending, settings.endingPrompt),
    });
    return leg;
  } catch (thrown) {
    return asPatchcordError(thrown);
  }
}

function partyOf(open: OpenMessage): Party {
  const { ani, dnis } = open.participant;
  return {
    direction: 'inbound',
    ...(ani === undefined ? {} : { from: withoutScheme(ani) }),
    ...(dnis === undefined ? {} : { to: withoutScheme(dnis) }),
    variables: variablesOf(open),
  };
}

/** Genesys writes numbers as they are and as `tel:+1...`. */
function withoutScheme(address: string): string {
  return address.replace(/^tel:/i, '').slice(0, 256);
}

/** Whoever forgets to ask for an upgrade is told so, as is anybody else who is not let in. */
function plainRoute(auth: UpgradeAuth, host: CarrierHost): WebhookRoute {
  return {
    path,
    methods: ['GET'],
    recognises: () => true,
    async handle({ target, headers }): Promise<WebhookReply> {
      const refusal = auth.refuse({ url: target, headers: { ...headers, upgrade: undefined } });
      if (refusal === undefined) throw new PatchcordError('PATCHCORD_INTERNAL');
      told(refusal, host);
      await new Promise<void>((resolve) => host.clock.setTimeout(resolve, refusalDelayMs));
      const { status, error } = refusal;
      return json(status, { error: error.message, code: error.code });
    },
  };
}

/** For load balancers that ask where those of older connectors did. */
function healthRoute(host: CarrierHost): WebhookRoute {
  return {
    path: '/health',
    methods: ['GET'],
    recognises: () => true,
    handle: () => json(200, { status: 'healthy', timestamp: new Date(host.clock.epochMs()).toISOString() }),
  };
}

function told({ status, error }: UpgradeRefusal, host: CarrierHost): void {
  host.refused(name, error, { status, ...error.details });
}

function json(status: number, body: object): WebhookReply {
  return { status, contentType: 'application/json', body: JSON.stringify(body) };
}
