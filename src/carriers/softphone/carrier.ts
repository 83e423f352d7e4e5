import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import type { Timeout } from '../../base/clock.ts';
import { asPatchcordError, messageOf, PatchcordError } from '../../base/errors.ts';
import type { Carrier, CarrierHost, UpgradeDecision } from '../carrier.ts';
import { SoftphoneLeg, type SoftphoneLimits } from './leg.ts';
import { RateLimit } from './rate-limit.ts';
import {
  encodeError,
  maxControlBytes,
  parseAudio,
  parseControl,
  type Refusal,
  type SoftphoneMessage,
} from './wire.ts';

export interface SoftphoneSettings extends SoftphoneLimits {
  /** From the upgrade to the `start` message. */
  readonly startDeadlineMs: number;
}

export const softphoneDefaults: SoftphoneSettings = {
  startDeadlineMs: 10_000,
  closeDeadlineMs: 2000,
  // A minute and a half of pcm16 at 24 kHz.
  maxUnsentBytes: 4 * 1024 * 1024,
  // More than ten minutes of answers at one mark per 100 ms.
  maxPendingMarks: 8192,
};

/** Who may open `/softphone`; decided where the console's access is decided. */
export interface SoftphoneAccess {
  authorize(request: IncomingMessage): UpgradeDecision;
}

const path = '/softphone';
/** Real time and a half, after a burst of ten seconds: what a stalled network hands over at once. */
const audioBytesPerSecond = 72_000;
const audioBurstBytes = 480_000;
/** Marks come at ten a second, and all at once after a stall. */
const controlPerSecond = 50;
const controlBurst = 500;

/** The browser of the console as a phone. It has no webhooks and cannot be dialled. */
export function softphoneCarrier(
  settings: SoftphoneSettings,
  host: CarrierHost,
  access: SoftphoneAccess,
): Carrier {
  const waiting = new Set<SoftphonePeer>();
  return {
    name: 'softphone',
    webhooks: [],
    sockets: [
      {
        path,
        maxPayloadBytes: maxControlBytes,
        recognises: (request) => new URL(request.url ?? '/', 'http://localhost').pathname === path,
        authorize(request) {
          const decision = access.authorize(request);
          if (!decision.accept) host.refused('softphone', decision.error, { status: decision.status });
          return decision;
        },
        connect: (socket) => {
          const peer = new SoftphonePeer(socket, settings, host, () => waiting.delete(peer));
          waiting.add(peer);
        },
      },
    ],
    dialMissing: [],
    inboundMissing: [],
    close() {
      for (const peer of waiting) peer.abandon();
      waiting.clear();
    },
  };
}

/** A socket from its upgrade on: reads frames in order and hands them to the leg once there is one. */
class SoftphonePeer {
  readonly #socket: WebSocket;
  readonly #settings: SoftphoneSettings;
  readonly #host: CarrierHost;
  readonly #onSettled: () => void;
  readonly #audioLimit: RateLimit;
  readonly #controlLimit: RateLimit;
  readonly #startTimer: Timeout;
  #closeTimer: Timeout | undefined;
  #leg: SoftphoneLeg | undefined;
  #refused = false;

  /** `onSettled`: the peer has its call or is gone, so the carrier need not close it. */
  constructor(socket: WebSocket, settings: SoftphoneSettings, host: CarrierHost, onSettled: () => void) {
    this.#socket = socket;
    this.#settings = settings;
    this.#host = host;
    this.#onSettled = onSettled;
    this.#audioLimit = new RateLimit(host.clock, audioBytesPerSecond, audioBurstBytes);
    this.#controlLimit = new RateLimit(host.clock, controlPerSecond, controlBurst);
    this.#startTimer = host.clock.setTimeout(
      () => this.#refuse(wrongOrder(`no start within ${settings.startDeadlineMs} ms`)),
      settings.startDeadlineMs,
    );
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    socket.on('error', (error) => this.#socketError(error));
    socket.once('close', () => {
      this.#startTimer.cancel();
      this.#closeTimer?.cancel();
      this.#onSettled();
    });
  }

  abandon(): void {
    this.#startTimer.cancel();
    this.#closeTimer?.cancel();
    this.#socket.terminate();
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#refused || this.#leg?.ended === true || !Buffer.isBuffer(data)) return;
    const refusal = isBinary ? this.#audio(data) : this.#control(data);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  #audio(frame: Buffer): Refusal | undefined {
    if (this.#leg === undefined) return wrongOrder('audio came before start');
    const parsed = parseAudio(frame);
    if (!parsed.ok) return parsed.refusal;
    if (!this.#audioLimit.take(frame.length)) return flood('audio comes faster than real time');
    if (frame.length > 0) this.#leg.takeAudio(parsed.value);
    return undefined;
  }

  #control(frame: Buffer): Refusal | undefined {
    if (!this.#controlLimit.take(1)) return flood('too many control messages');
    const parsed = parseControl(frame);
    return parsed.ok ? this.#obey(parsed.value) : parsed.refusal;
  }

  #obey(message: SoftphoneMessage): Refusal | undefined {
    const leg = this.#leg;
    if (message.type === 'start') {
      if (leg !== undefined) return wrongOrder('start came twice');
      this.#start(message);
      return undefined;
    }
    if (leg === undefined) return wrongOrder(`${message.type} came before start`);
    if (message.type === 'digit') leg.takeDigit(message.digit);
    else if (message.type === 'mark') leg.takeMark(message.name);
    else leg.takeHangUp();
    return undefined;
  }

  #start(message: SoftphoneMessage & { type: 'start' }): void {
    this.#startTimer.cancel();
    const leg = new SoftphoneLeg(this.#socket, message.sampleRate, this.#host.clock, this.#settings);
    this.#leg = leg;
    try {
      const { callId } = this.#host.accept(leg, { overrides: message.overrides });
      this.#onSettled();
      leg.begin(callId);
    } catch (thrown) {
      const error = asPatchcordError(thrown);
      this.#host.refused('softphone', error);
      // 1013, "try again later" (IANA WebSocket close code registry): the page may call again.
      leg.fail(error, 1013);
    }
  }

  #refuse(refusal: Refusal): void {
    this.#refused = true;
    this.#startTimer.cancel();
    this.#host.refused('softphone', refusal.error, this.#fields());
    if (this.#leg !== undefined) {
      this.#leg.fail(refusal.error, refusal.closeCode);
      return;
    }
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(encodeError(refusal.error));
    this.#socket.close(refusal.closeCode);
    this.#armClose();
  }

  /** What `ws` itself finds wrong: a message over the limit, broken UTF-8 or framing. It closes the socket then. */
  #socketError(error: Error): void {
    if (this.#refused) return;
    this.#refused = true;
    const code = 'code' in error ? error.code : undefined;
    const patchcord =
      code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
        ? new PatchcordError('PATCHCORD_MESSAGE_TOO_LARGE', messageOf(error))
        : new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', messageOf(error));
    this.#startTimer.cancel();
    this.#armClose();
    this.#host.refused('softphone', patchcord, this.#fields());
    this.#leg?.lose(patchcord);
  }

  /** A peer that does not answer our close frame, or that of `ws`, is cut off. */
  #armClose(): void {
    this.#closeTimer ??= this.#host.clock.setTimeout(
      () => this.#socket.terminate(),
      this.#settings.closeDeadlineMs,
    );
  }

  #fields(): Record<string, unknown> {
    return this.#leg === undefined ? {} : { carrierCallId: this.#leg.carrierCallId };
  }
}

function wrongOrder(message: string): Refusal {
  return { error: new PatchcordError('PATCHCORD_MESSAGE_ORDER', message), closeCode: 1008 };
}

function flood(message: string): Refusal {
  return { error: new PatchcordError('PATCHCORD_PEER_FLOOD', message), closeCode: 1008 };
}
