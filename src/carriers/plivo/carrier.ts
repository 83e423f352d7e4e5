import type { IncomingMessage } from 'node:http';
import type { AudioFormat } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { Carrier, CarrierHost, DialHost, SocketRoute } from '../carrier.ts';
import { timeLimitS } from '../dials.ts';
import { missingSettings } from '../missing-settings.ts';
import { hasPlivoHeaders } from '../webhooks.ts';
import { refuseUpgrade } from './auth.ts';
import { type DialSettings, PlivoCalls } from './calls.ts';
import { formatOf } from './formats.ts';
import { PlivoRest } from './rest.ts';
import { PlivoStream } from './stream.ts';
import { mediaPath, webhookRoutes } from './webhooks.ts';

export interface PlivoSettings {
  readonly authId?: string | undefined;
  readonly authToken?: string | undefined;
  /** The number that outbound calls come from, E.164. */
  readonly phoneNumber?: string | undefined;
  /** `https://api.plivo.com/v1` */
  readonly apiBaseUrl: string;
  /** The audio that Plivo is asked for: `audio/x-mulaw;rate=8000`, `audio/x-l16;rate=8000` or `audio/x-l16;rate=16000`. */
  readonly contentType: string;
  /** Agent audio that Plivo is sent ahead of the ear. */
  readonly maxQueuedMs: number;
  /** How long a media stream may take to come after its webhook. */
  readonly streamTokenTtlMs: number;
  /** The engine's limit on a call, 0 for none; a minute later Plivo itself ends an outbound one. */
  readonly maxCallMs: number;
  /** How long an outbound call rings. */
  readonly ringTimeoutMs: number;
}

const name = 'plivo';
/** Plivo's own messages stay below 2 kB. */
const maxMessageBytes = 65_536;
/** Of Plivo's `time_limit`: calls longer than a day are ended anyway. */
const maxTimeLimitS = 86_400;

/** Plivo Audio Streaming: bidirectional `<Stream>`, docs/carriers/plivo.md. */
export function plivoCarrier(settings: PlivoSettings, host: CarrierHost): Carrier {
  const rest = restOf(settings, host);
  const dialMissing = missingForDial(settings, host);
  const dialling = diallingOf(settings, host, rest);
  const { authToken, contentType, maxQueuedMs, streamTokenTtlMs } = settings;
  const format = formatAskedFor(contentType);
  const calls = new PlivoCalls({ host, rest, dialling, format, maxQueuedMs, streamTokenTtlMs });
  return {
    name,
    webhooks: webhookRoutes({ host, calls, authToken, contentType }),
    sockets: [mediaRoute(settings, host, calls)],
    dialMissing,
    inboundMissing: missingSettings({
      PLIVO_AUTH_TOKEN: authToken !== undefined || host.allowsUnsigned(name),
      PUBLIC_URL: host.publicUrl !== undefined,
    }),
    ...(dialling === undefined ? {} : { dial: (request) => calls.dial(request) }),
    close: () => calls.close(),
  };
}

function mediaRoute(settings: PlivoSettings, host: CarrierHost, calls: PlivoCalls): SocketRoute {
  return {
    path: mediaPath,
    maxPayloadBytes: maxMessageBytes,
    // Twilio's addresses have no query: a token says whose stream it is where a proxy has taken the headers away.
    recognises: (request) => hasPlivoHeaders(request.headers) || tokenOf(request) !== undefined,
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
      const urlToken = tokenOf(request);
      new PlivoStream(socket, request.socket, {
        clock: host.clock,
        claim: (start, stream) => calls.claim(start, urlToken, stream),
        refused: (error, fields) => host.refused(name, error, { ...error.details, ...fields }),
        complained: (event, reason) =>
          host.log.warn({ carrier: name, event, reason }, 'Plivo could not use what it was sent'),
      });
    },
  };
}

function tokenOf(request: Pick<IncomingMessage, 'url'>): string | undefined {
  return new URLSearchParams(request.url?.split('?')[1]).get('token') ?? undefined;
}

function formatAskedFor(contentType: string): AudioFormat {
  const format = formatOf(contentType);
  if (format !== undefined) return format;
  throw new PatchcordError('PATCHCORD_CONFIG_INVALID', `Plivo has no audio format ${contentType}`, {
    setting: 'PLIVO_CONTENT_TYPE',
  });
}

function restOf({ authId, authToken, apiBaseUrl }: PlivoSettings, host: CarrierHost): PlivoRest | undefined {
  if (authId === undefined || authToken === undefined) return undefined;
  return new PlivoRest({ authId, authToken, apiBaseUrl }, host.clock);
}

function diallingOf(
  settings: PlivoSettings,
  host: CarrierHost,
  rest: PlivoRest | undefined,
): DialSettings | undefined {
  const { phoneNumber, maxCallMs, ringTimeoutMs } = settings;
  const { publicUrl } = host;
  if (rest === undefined || phoneNumber === undefined || publicUrl === undefined) return undefined;
  return {
    rest,
    phoneNumber,
    publicUrl,
    ringTimeoutS: Math.ceil(ringTimeoutMs / 1000),
    maxCallS: timeLimitS(maxCallMs, maxTimeLimitS),
  };
}

/** The settings without which no call can be dialled. */
export function missingForDial(
  settings: Pick<PlivoSettings, 'authId' | 'authToken' | 'phoneNumber'>,
  host: DialHost,
): string[] {
  const needed: [string, string | undefined][] = [
    ['PLIVO_AUTH_ID', settings.authId],
    ['PLIVO_AUTH_TOKEN', settings.authToken],
    ['PLIVO_PHONE_NUMBER', settings.phoneNumber],
    ['PUBLIC_URL', host.publicUrl],
  ];
  return needed.filter(([, value]) => value === undefined).map(([setting]) => setting);
}
