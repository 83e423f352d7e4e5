import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { PatchcordError } from '../../base/errors.ts';
import type { Carrier, CarrierHost, DialHost, DialRequest, SocketRoute } from '../carrier.ts';
import { timeLimitS } from '../dials.ts';
import { type MediaSocketLimits, mediaSocketLimits } from '../media-socket.ts';
import { missingSettings } from '../missing-settings.ts';
import { headerOf, toSocketUrl } from '../webhooks.ts';
import { readPublicKey } from './auth.ts';
import { type DialSettings, TelnyxCalls } from './calls.ts';
import type { TelnyxCodec } from './formats.ts';
import { TelnyxRest } from './rest.ts';
import { TelnyxStream } from './stream.ts';
import { webhookPath, webhookRoutes } from './webhooks.ts';
import { tokenName } from './wire.ts';

export interface TelnyxSettings {
  readonly apiKey?: string | undefined;
  /** 32 bytes in base64. */
  readonly publicKey?: string | undefined;
  /** The number that outbound calls come from, E.164. */
  readonly fromNumber?: string | undefined;
  readonly callControlAppId?: string | undefined;
  /** Stands in for the application in outbound calls. */
  readonly outboundProfileId?: string | undefined;
  /** `https://api.telnyx.com/v2` */
  readonly apiBaseUrl: string;
  /** Asked for in both directions; `L16` is 16 kHz. */
  readonly codec: TelnyxCodec;
  readonly l16ByteOrder: 'big-endian' | 'little-endian';
  /** How long a media stream may take to come after `streaming_start`. */
  readonly streamTokenTtlMs: number;
  /** The engine's limit on a call, 0 for none; a minute later Telnyx itself ends an outbound one. */
  readonly maxCallMs: number;
  /** How long an outbound call rings. */
  readonly ringTimeoutMs: number;
}

const name = 'telnyx';
const mediaPath = '/media-bridge';
/** Telnyx's own messages stay below 3 kB. */
const maxMessageBytes = 65_536;
/** Sockets without a token in their upgrade that may at once still owe their `start`. */
const maxWaitingStrangers = 256;
/** Wideband comes in four times the bytes; the rest is the envelope's. */
const l16FloodBytes = 1_600_000;
/** Of Telnyx's `time_limit_secs`. */
const maxTimeLimitS = 14_400;
const minRingS = 5;
const maxRingS = 600;

/** Telnyx Call Control with bidirectional media streaming, docs/carriers/telnyx.md. */
export function telnyxCarrier(settings: TelnyxSettings, host: CarrierHost): Carrier {
  const { apiKey, apiBaseUrl, codec, streamTokenTtlMs } = settings;
  const { publicUrl } = host;
  const rest = apiKey === undefined ? undefined : new TelnyxRest({ apiKey, apiBaseUrl }, host.clock);
  const calls =
    rest === undefined || publicUrl === undefined
      ? undefined
      : new TelnyxCalls({
          host,
          rest,
          webhookUrl: publicUrl + webhookPath,
          mediaUrl: toSocketUrl(publicUrl) + mediaPath,
          codec,
          streamTokenTtlMs,
        });
  const dialMissing = missingForDial(settings, host);
  const dialling = dialMissing.length > 0 ? undefined : diallingOf(settings);
  return {
    name,
    webhooks: webhookRoutes({
      host,
      publicKey: settings.publicKey === undefined ? undefined : readPublicKey(settings.publicKey),
      calls,
      missing: rest === undefined ? 'TELNYX_API_KEY' : 'PUBLIC_URL',
      rest,
    }),
    sockets: [mediaRoute(settings, host, calls)],
    dialMissing,
    inboundMissing: missingSettings({
      TELNYX_API_KEY: apiKey !== undefined,
      TELNYX_PUBLIC_KEY: settings.publicKey !== undefined || host.allowsUnsigned(name),
      PUBLIC_URL: publicUrl !== undefined,
    }),
    ...(dialling === undefined || calls === undefined
      ? {}
      : { dial: (request: DialRequest) => calls.dial(request, dialling) }),
    close: () => {
      calls?.close();
      rest?.close();
    },
  };
}

function mediaRoute(
  { codec, l16ByteOrder }: TelnyxSettings,
  host: CarrierHost,
  calls: TelnyxCalls | undefined,
): SocketRoute {
  const limits: MediaSocketLimits =
    codec === 'L16' ? { ...mediaSocketLimits, floodBytes: l16FloodBytes } : mediaSocketLimits;
  const strangers = new Set<WebSocket>();
  return {
    path: mediaPath,
    maxPayloadBytes: maxMessageBytes,
    recognises: () => true,
    authorize(request) {
      const tokens = tokensOf(request);
      if (calls?.knows(tokens)) return { accept: true };
      // One that brings none may still bring it in its first message.
      if (tokens.length === 0) {
        if (strangers.size < maxWaitingStrangers) return { accept: true };
        const error = new PatchcordError('PATCHCORD_PEER_FLOOD', 'too many sockets without a token');
        host.refused(name, error, { status: 429 });
        return { accept: false, status: 429, error };
      }
      const error = new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID');
      host.refused(name, error, { status: 401 });
      return { accept: false, status: 401, error };
    },
    connect(socket, request) {
      const tokens = tokensOf(request);
      if (tokens.length === 0) {
        strangers.add(socket);
        socket.once('close', () => strangers.delete(socket));
      }
      new TelnyxStream(
        socket,
        request.socket,
        {
          clock: host.clock,
          bigEndian: l16ByteOrder === 'big-endian',
          claim: (brought, start, stream) => {
            strangers.delete(socket);
            return (
              calls?.claim(brought, start, stream) ?? new PatchcordError('PATCHCORD_STREAM_TOKEN_INVALID')
            );
          },
          refusedUnclaimed: (brought, end) => calls?.streamRefused(brought, end),
          refused: (error, fields) => host.refused(name, error, { ...error.details, ...fields }),
          complained: (title, code) =>
            host.log.warn({ carrier: name, title, code }, 'Telnyx complains of what it got'),
        },
        tokens,
        limits,
      );
    },
  };
}

/** The token as `stream_auth_token` comes back, and as it stands in the address for peers that do not send it back. */
function tokensOf(request: IncomingMessage): string[] {
  const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '');
  return [headerOf(request.headers, tokenName), query.get('token') ?? ''].filter((token) => token !== '');
}

function diallingOf(settings: TelnyxSettings): DialSettings | undefined {
  const { fromNumber, callControlAppId, outboundProfileId, ringTimeoutMs, maxCallMs } = settings;
  const connectionId = callControlAppId ?? outboundProfileId;
  if (fromNumber === undefined || connectionId === undefined) return undefined;
  const ringS = Math.ceil(ringTimeoutMs / 1000);
  return {
    fromNumber,
    connectionId,
    ringTimeoutS: Math.min(maxRingS, Math.max(minRingS, ringS)),
    maxCallS: timeLimitS(maxCallMs, maxTimeLimitS),
  };
}

/** The settings without which no call can be dialled. The public key is among them: the answer comes by signed webhook. */
export function missingForDial(
  settings: Pick<
    TelnyxSettings,
    'apiKey' | 'fromNumber' | 'callControlAppId' | 'outboundProfileId' | 'publicKey'
  >,
  host: DialHost,
): string[] {
  const { apiKey, fromNumber, callControlAppId, outboundProfileId, publicKey } = settings;
  const needed: [string, boolean][] = [
    ['TELNYX_API_KEY', apiKey !== undefined],
    ['TELNYX_FROM_NUMBER', fromNumber !== undefined],
    ['TELNYX_CALL_CONTROL_APP_ID', (callControlAppId ?? outboundProfileId) !== undefined],
    ['TELNYX_PUBLIC_KEY', publicKey !== undefined || host.allowsUnsigned(name)],
    ['PUBLIC_URL', host.publicUrl !== undefined],
  ];
  return needed.filter(([, present]) => !present).map(([setting]) => setting);
}
