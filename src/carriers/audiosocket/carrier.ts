import type { Socket } from 'node:net';
import { asPatchcordError, PatchcordError } from '../../base/errors.ts';
import { Announcements, partyOf } from '../announcements.ts';
import type { Carrier, CarrierHost, Listener } from '../carrier.ts';
import { missingSettings } from '../missing-settings.ts';
import { networkMatcher } from '../networks.ts';
import { AudioSocketConnection, type ConnectionOwner } from './connection.ts';
import { AudioSocketLeg } from './leg.ts';
import { canonicalUuid } from './wire.ts';

export interface AudioSocketSettings {
  /** TCP port, 0 for any free one; undefined: there is no AudioSocket. */
  readonly audioSocketPort?: number | undefined;
  /** Networks (`127.0.0.0/8`, `::1/128`, single addresses) whose calls are taken without being announced. */
  readonly audioSocketAllow: readonly string[];
}

const name = 'audiosocket';
/** Connections from elsewhere that may at once still owe their UUID. */
const maxWaitingStrangers = 256;

/** Asterisk's AudioSocket over TCP, application and channel driver: docs/carriers/asterisk.md. */
export function audioSocketCarrier(settings: AudioSocketSettings, host: CarrierHost): Carrier {
  const { audioSocketPort: port } = settings;
  const nothing: Carrier = {
    name,
    webhooks: [],
    sockets: [],
    dialMissing: [],
    inboundMissing: missingSettings({ AUDIOSOCKET_PORT: port !== undefined }),
    close: () => undefined,
  };
  if (port === undefined) return nothing;
  const calls = new AudioSocketCalls(settings, host);
  const listener: Listener = {
    kind: 'tcp',
    name: 'AUDIOSOCKET_PORT',
    port,
    connect: (socket) => calls.connect(socket),
  };
  return {
    ...nothing,
    listeners: [listener],
    announce(announcement) {
      const carrierCallId = canonicalUuid(announcement.carrierCallId);
      if (carrierCallId === undefined) {
        throw new PatchcordError('PATCHCORD_REQUEST_INVALID', 'the id of an AudioSocket call is a UUID');
      }
      calls.announcements.add({ ...announcement, carrierCallId });
    },
    close: () => calls.close(),
  };
}

/** How connections become calls: whose are taken, and as what. */
class AudioSocketCalls {
  readonly announcements: Announcements;
  readonly #host: CarrierHost;
  readonly #allows: (address: string | undefined) => boolean;
  readonly #waiting = new Set<AudioSocketConnection>();
  #strangers = 0;

  constructor(settings: AudioSocketSettings, host: CarrierHost) {
    this.#host = host;
    this.#allows = networkMatcher(settings.audioSocketAllow);
    this.announcements = new Announcements(host.clock);
  }

  connect(socket: Socket): void {
    const allowed = this.#allows(socket.remoteAddress);
    if (!allowed && this.#strangers >= maxWaitingStrangers) {
      const error = new PatchcordError('PATCHCORD_PEER_FLOOD', 'too many connections without a UUID');
      this.#host.refused(name, error, { closed: true });
      socket.once('error', () => socket.destroy());
      socket.destroy();
      return;
    }
    if (!allowed) this.#strangers += 1;
    let carrierCallId: string | undefined;
    const connection = new AudioSocketConnection(socket, {
      clock: this.#host.clock,
      claim: (uuid, claiming) => {
        carrierCallId = uuid;
        return this.#claim(uuid, allowed, claiming);
      },
      settled: () => {
        if (this.#waiting.delete(connection) && !allowed) this.#strangers -= 1;
      },
      refused: (error, fields) =>
        this.#host.refused(name, error, { ...error.details, ...fields, ...idOf(carrierCallId) }),
      complained: (code) =>
        this.#host.log.warn({ carrierCallId, applicationCode: code }, 'Asterisk reports an error'),
    });
    this.#waiting.add(connection);
  }

  close(): void {
    for (const connection of this.#waiting) connection.abandon();
    this.announcements.close();
  }

  #claim(
    uuid: string,
    allowed: boolean,
    connection: AudioSocketConnection,
  ): ConnectionOwner | PatchcordError {
    const announcement = this.announcements.find(uuid);
    if (announcement === undefined && !allowed) return new PatchcordError('PATCHCORD_PEER_NOT_ALLOWED');
    const party = partyOf(announcement);
    const leg = new AudioSocketLeg({ uuid, party, clock: this.#host.clock, connection });
    try {
      this.#host.accept(leg, { overrides: announcement?.overrides ?? {} });
    } catch (thrown) {
      return asPatchcordError(thrown);
    }
    if (announcement !== undefined) this.announcements.used(announcement);
    return leg;
  }
}

function idOf(carrierCallId: string | undefined): { readonly carrierCallId?: string } {
  return carrierCallId === undefined ? {} : { carrierCallId };
}
