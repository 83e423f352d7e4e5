import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { asPatchcordError, PatchcordError } from '../../base/errors.ts';
import { Announcements, partyOf } from '../announcements.ts';
import type { Announcement, Carrier, CarrierHost, SocketRoute } from '../carrier.ts';
import { missingSettings } from '../missing-settings.ts';
import { refuseUpgrade } from './auth.ts';
import { AsteriskLeg } from './leg.ts';
import { AsteriskStream, type StreamOwner } from './stream.ts';
import { formatOf, type MediaStart, readVariables } from './wire.ts';

export interface AsteriskSettings {
  /** HTTP Basic credentials of the upgrade; without both nobody may connect. */
  readonly wsUsername?: string | undefined;
  readonly wsPassword?: string | undefined;
  /** Agent audio that Asterisk is sent ahead of the ear; beyond 20 s it drops it. */
  readonly maxQueuedMs: number;
}

const name = 'asterisk';
const mediaPath = '/asterisk';
/** RFC 9110, section 11.6.1: a 401 has one. */
const challenge = 'Basic realm="patchcord"';
/** A phone's packet at 48 kHz is below 12 kB, and an event holds the channel's variables. */
const maxMessageBytes = 65_536;

/** Variables with a meaning here; the agent is not given them. */
const fromVariable = 'patchcord_from';
const toVariable = 'patchcord_to';
const callVariable = 'patchcord_call';

/** Asterisk's WebSocket channel, chan_websocket: docs/carriers/asterisk.md. */
export function asteriskCarrier(settings: AsteriskSettings, host: CarrierHost): Carrier {
  const announcements = new Announcements(host.clock);
  const inboundMissing = missingSettings({
    ASTERISK_WS_USERNAME: settings.wsUsername !== undefined,
    ASTERISK_WS_PASSWORD: settings.wsPassword !== undefined,
  });
  return {
    name,
    webhooks: [],
    sockets: [mediaRoute(settings, host, announcements)],
    dialMissing: [],
    inboundMissing,
    ...(inboundMissing.length === 0 ? { announce: (announcement) => announcements.add(announcement) } : {}),
    close: () => announcements.close(),
  };
}

function mediaRoute(
  settings: AsteriskSettings,
  host: CarrierHost,
  announcements: Announcements,
): SocketRoute {
  return {
    path: mediaPath,
    below: true,
    maxPayloadBytes: maxMessageBytes,
    recognises: () => true,
    authorize(request) {
      const error = refuseUpgrade(request, settings);
      if (error === undefined) return { accept: true };
      host.refused(name, error, { status: 401, ...error.details });
      return { accept: false, status: 401, error, challenge };
    },
    connect(socket, request) {
      let carrierCallId: string | undefined;
      new AsteriskStream(socket, request.socket, {
        clock: host.clock,
        claim: (start, stream) => {
          carrierCallId = start.channelId ?? `asterisk-${randomUUID()}`;
          return claim({ start, stream, carrierCallId, request, settings, host, announcements });
        },
        refused: (error, fields) =>
          host.refused(name, error, {
            ...error.details,
            ...fields,
            ...(carrierCallId === undefined ? {} : { carrierCallId }),
          }),
        complained: (text) => host.log.warn({ carrierCallId, text }, 'Asterisk did not take a command'),
      });
    },
  };
}

interface Claim {
  readonly start: MediaStart;
  readonly stream: AsteriskStream;
  readonly carrierCallId: string;
  readonly request: IncomingMessage;
  readonly settings: AsteriskSettings;
  readonly host: CarrierHost;
  readonly announcements: Announcements;
}

/** The leg of a stream that has started, or why there is none. */
function claim(claim: Claim): StreamOwner | PatchcordError {
  const { start, stream, carrierCallId, host, settings, announcements } = claim;
  const format = formatOf(start);
  if (format === undefined) {
    return new PatchcordError(
      'PATCHCORD_AUDIO_FORMAT',
      'this codec cannot be used; write c(ulaw), c(alaw), c(slin), c(slin16), c(slin24) or c(slin48) in the dial string',
      { format: start.format },
    );
  }
  const variables = variablesOf(claim);
  const announcement = announced(announcements, [carrierCallId, variables[callVariable]]);
  const leg = new AsteriskLeg({
    carrierCallId,
    party: partyOf(announcement, toldOf(variables)),
    format,
    start,
    maxQueuedMs: settings.maxQueuedMs,
    stream,
  });
  try {
    host.accept(leg, { overrides: announcement?.overrides ?? {} });
  } catch (thrown) {
    return asPatchcordError(thrown);
  }
  if (announcement !== undefined) announcements.used(announcement);
  return leg;
}

/**
 * The channel's own variables count more than the address's parameters: Asterisk keeps those of one call's `v()` for
 * the next call over the same connection.
 */
function variablesOf({ start, request }: Claim): Record<string, string> {
  const [, ...query] = (request.url ?? '').split('?');
  return { ...readVariables(new URLSearchParams(query.join('?'))), ...start.variables };
}

function announced(
  announcements: Announcements,
  ids: readonly (string | undefined)[],
): Announcement | undefined {
  for (const id of ids) {
    const found = id === undefined ? undefined : announcements.find(id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Asterisk has no field for either number: the dialplan puts them into variables. */
function toldOf(all: Readonly<Record<string, string>>) {
  const { [fromVariable]: from, [toVariable]: to, [callVariable]: _, ...variables } = all;
  return { ...(from ? { from } : {}), ...(to ? { to } : {}), variables };
}
