import type { Carrier, CarrierHost, DialHost, SocketRoute } from '../carrier.ts';
import { timeLimitS } from '../dials.ts';
import { missingSettings } from '../missing-settings.ts';
import { hasPlivoHeaders } from '../webhooks.ts';
import { refuseUpgrade } from './auth.ts';
import { type DialSettings, TwilioCalls } from './calls.ts';
import { TwilioRest } from './rest.ts';
import { TwilioStream } from './stream.ts';
import { webhookRoutes } from './webhooks.ts';

export interface TwilioSettings {
  readonly accountSid?: string | undefined;
  readonly authToken?: string | undefined;
  /** The number that outbound calls come from, E.164. */
  readonly phoneNumber?: string | undefined;
  /** `https://api.twilio.com` */
  readonly apiBaseUrl: string;
  /** An API key in place of account SID and auth token, for REST alone. */
  readonly apiKeySid?: string | undefined;
  readonly apiKeySecret?: string | undefined;
  /** How long a media stream may take to come after its webhook. */
  readonly streamTokenTtlMs: number;
  /** The engine's limit on a call; a minute later Twilio itself ends an outbound one. */
  readonly maxCallMs: number;
  /** How long an outbound call rings. */
  readonly ringTimeoutMs: number;
}

const name = 'twilio';
const mediaPath = '/media-stream';
/** Twilio's own messages stay below 1 kB. */
const maxMessageBytes = 65_536;
/** Twilio's `TimeLimit` may be a day at most. */
const maxTimeLimitS = 86_400;

/** Twilio Media Streams: bidirectional `<Connect><Stream>`, docs/carriers/twilio.md. */
export function twilioCarrier(settings: TwilioSettings, host: CarrierHost): Carrier {
  const rest = restOf(settings, host);
  const dialMissing = missingForDial(settings, host);
  const dialling = diallingOf(settings, host, rest);
  const calls = new TwilioCalls({ host, rest, dialling, streamTokenTtlMs: settings.streamTokenTtlMs });
  return {
    name,
    webhooks: webhookRoutes({ host, calls, authToken: settings.authToken }),
    sockets: [mediaRoute(settings, host, calls)],
    dialMissing,
    inboundMissing: missingSettings({
      TWILIO_AUTH_TOKEN: settings.authToken !== undefined || host.allowsUnsigned(name),
      PUBLIC_URL: host.publicUrl !== undefined,
    }),
    ...(dialling === undefined ? {} : { dial: (request) => calls.dial(request) }),
    close: () => calls.close(),
  };
}

function mediaRoute(settings: TwilioSettings, host: CarrierHost, calls: TwilioCalls): SocketRoute {
  return {
    path: mediaPath,
    maxPayloadBytes: maxMessageBytes,
    // Twilio leaves out the query of a stream's address; one with a token is Plivo's, whose headers a proxy may take away.
    recognises: (request) => !hasPlivoHeaders(request.headers) && !hasToken(request.url),
    authorize(request) {
      const error = refuseUpgrade(request, {
        authToken: settings.authToken,
        publicUrl: host.publicUrl,
        allowUnsigned: host.allowsUnsigned(name),
      });
      if (error === undefined) return { accept: true };
      host.refused(name, error, { status: 401, ...error.details });
      return { accept: false, status: 401, error };
    },
    connect(socket, request) {
      new TwilioStream(socket, request.socket, {
        clock: host.clock,
        claim: (start, stream) => calls.claim(start, stream),
        forgo: (token, error) => calls.forgo(token, error),
        refused: (error, fields) => host.refused(name, error, { ...error.details, ...fields }),
      });
    },
  };
}

function hasToken(target: string | undefined): boolean {
  return new URLSearchParams(target?.split('?')[1]).has('token');
}

function restOf(settings: TwilioSettings, host: CarrierHost): TwilioRest | undefined {
  const { accountSid, authToken, apiKeySid, apiKeySecret, apiBaseUrl } = settings;
  if (accountSid === undefined) return undefined;
  if (apiKeySid !== undefined && apiKeySecret !== undefined) {
    return new TwilioRest({ accountSid, user: apiKeySid, password: apiKeySecret, apiBaseUrl }, host.clock);
  }
  if (authToken === undefined) return undefined;
  return new TwilioRest({ accountSid, user: accountSid, password: authToken, apiBaseUrl }, host.clock);
}

function diallingOf(
  settings: TwilioSettings,
  host: CarrierHost,
  rest: TwilioRest | undefined,
): DialSettings | undefined {
  const { accountSid, phoneNumber, maxCallMs, ringTimeoutMs } = settings;
  const { publicUrl } = host;
  if (rest === undefined || accountSid === undefined) return undefined;
  if (phoneNumber === undefined || publicUrl === undefined) return undefined;
  if (missingForDial(settings, host).length > 0) return undefined;
  return {
    rest,
    accountSid,
    phoneNumber,
    publicUrl,
    ringTimeoutS: Math.ceil(ringTimeoutMs / 1000),
    maxCallS: timeLimitS(maxCallMs, maxTimeLimitS),
  };
}

/** The settings without which no call can be dialled. The auth token is among them: its answer comes by signed webhook. */
export function missingForDial(
  settings: Pick<TwilioSettings, 'accountSid' | 'authToken' | 'phoneNumber' | 'apiKeySid' | 'apiKeySecret'>,
  host: DialHost,
): string[] {
  const unsigned = host.allowsUnsigned(name) && settings.apiKeySid !== undefined;
  const needed: [string, string | undefined][] = [
    ['TWILIO_ACCOUNT_SID', settings.accountSid],
    ['TWILIO_AUTH_TOKEN', unsigned ? settings.apiKeySecret : settings.authToken],
    ['TWILIO_PHONE_NUMBER', settings.phoneNumber],
    ['PUBLIC_URL', host.publicUrl],
  ];
  return needed.filter(([, value]) => value === undefined).map(([setting]) => setting);
}
