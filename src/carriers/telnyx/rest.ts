import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import { readText, recordOf } from '../fields.ts';
import { HttpApi } from '../http-api.ts';
import type { TelnyxCodec } from './formats.ts';
import { l16SampleRate } from './formats.ts';
import { Pauses } from './pauses.ts';

export interface TelnyxRestSettings {
  readonly apiKey: string;
  /** `https://api.telnyx.com/v2`, without a trailing slash. */
  readonly apiBaseUrl: string;
}

export interface CreateCall {
  readonly connectionId: string;
  readonly to: string;
  readonly from: string;
  readonly webhookUrl: string;
  /** Base64. */
  readonly clientState: string;
  /** Telnyx takes a command only once per id. */
  readonly commandId: string;
  /** How long it may ring, seconds; Telnyx allows 5 to 600. */
  readonly timeoutS: number;
  /** Longest call, seconds; Telnyx allows up to 14,400. */
  readonly timeLimitS: number;
}

export interface StartStreaming {
  readonly url: string;
  readonly token: string;
  /** Asked for in both directions. */
  readonly codec: TelnyxCodec;
}

export interface Transfer {
  /** E.164 or a SIP address. */
  readonly to: string;
  readonly from: string | undefined;
  /** Base64; comes back with the events of the new leg. */
  readonly targetLegClientState: string;
  readonly webhookUrl: string;
  readonly commandId: string;
}

/** Telnyx's error "Call has already ended". */
const callEnded = '90018';
const notFound = 404;

/** Pauses before each further try of a command that may fail by bad luck, milliseconds. Telnyx may ask for longer ones. */
type Tries = readonly number[];
const tryOnce: Tries = [];
/** Its `command_id` keeps Telnyx from doing it twice. */
const tryTwice: Tries = [500];
/** Nothing else ends a call at Telnyx, and to end it twice does no harm. */
const tryThrice: Tries = [500, 2000];
const longestPauseMs = 5000;

/**
 * Telnyx's REST API v2, the resource Calls and its commands. All methods throw PATCHCORD_CARRIER_API. Commands give
 * false when the call has already ended.
 */
export class TelnyxRest {
  readonly #api: HttpApi;
  readonly #pauses: Pauses;

  constructor({ apiKey, apiBaseUrl }: TelnyxRestSettings, clock: Clock, deadlineMs = 5000) {
    this.#api = new HttpApi({
      carrier: 'telnyx',
      baseUrl: apiBaseUrl,
      authorization: `Bearer ${apiKey}`,
      clock,
      deadlineMs,
      readError,
    });
    this.#pauses = new Pauses(clock);
  }

  /** What waits for another try gets it at once, and is not tried again after it. */
  close(): void {
    this.#pauses.close();
  }

  /** Documentation: "Dial". Gives the new call's `call_control_id`. */
  async createCall(call: CreateCall): Promise<string> {
    const { status, body } = await this.#api.request('POST', '/calls', {
      json: {
        connection_id: call.connectionId,
        to: call.to,
        from: call.from,
        webhook_url: call.webhookUrl,
        webhook_url_method: 'POST',
        client_state: call.clientState,
        command_id: call.commandId,
        timeout_secs: call.timeoutS,
        time_limit_secs: call.timeLimitS,
      },
    });
    const id = readText(recordOf(recordOf(body).data).call_control_id);
    if (id !== undefined) return id;
    throw new PatchcordError('PATCHCORD_CARRIER_API', 'telnyx: the answer has no call_control_id', {
      status,
    });
  }

  /** Documentation: "Answer call". */
  answer(callControlId: string): Promise<boolean> {
    return this.#command(callControlId, 'answer', { command_id: 'patchcord-answer' }, tryTwice);
  }

  /** Documentation: "Reject a call". The caller hears that the line is busy. */
  reject(callControlId: string): Promise<boolean> {
    return this.#command(callControlId, 'reject', { cause: 'USER_BUSY' }, tryThrice);
  }

  /** Documentation: "Streaming start". Without the mode `rtp` what we say would not be played. */
  startStreaming(callControlId: string, { url, token, codec }: StartStreaming): Promise<boolean> {
    const json = {
      stream_url: url,
      stream_track: 'inbound_track',
      stream_codec: codec,
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: codec,
      ...(codec === 'L16' ? { stream_bidirectional_sampling_rate: l16SampleRate } : {}),
      stream_auth_token: token,
      command_id: 'patchcord-streaming-start',
    };
    return this.#command(callControlId, 'streaming_start', json, tryTwice);
  }

  /** Documentation: "Speak text". */
  speak(callControlId: string, sentence: string): Promise<boolean> {
    const json = {
      payload: sentence,
      payload_type: 'text',
      service_level: 'basic',
      voice: 'male',
      language: 'en-US',
      command_id: 'patchcord-apology',
    };
    return this.#command(callControlId, 'speak', json, tryTwice);
  }

  /** Documentation: "Hangup call". */
  hangUp(callControlId: string): Promise<boolean> {
    return this.#command(callControlId, 'hangup', {}, tryThrice);
  }

  /** Documentation: "Transfer call". Not tried again: a refusal of the second try would not say that the first was none. */
  transfer(callControlId: string, transfer: Transfer): Promise<boolean> {
    return this.#command(callControlId, 'transfer', {
      to: transfer.to,
      ...(transfer.from === undefined ? {} : { from: transfer.from }),
      target_leg_client_state: transfer.targetLegClientState,
      webhook_url: transfer.webhookUrl,
      webhook_url_method: 'POST',
      command_id: transfer.commandId,
    });
  }

  /** Documentation: "Send DTMF". */
  sendDigits(callControlId: string, digits: string): Promise<boolean> {
    return this.#command(callControlId, 'send_dtmf', { digits });
  }

  async #command(
    callControlId: string,
    action: string,
    json: Readonly<Record<string, unknown>>,
    tries = tryOnce,
  ): Promise<boolean> {
    for (const pauseMs of tries) {
      try {
        return await this.#tryCommand(callControlId, action, json);
      } catch (thrown) {
        if (!isPassing(thrown) || this.#pauses.isClosed) throw thrown;
        await this.#pauses.pass(Math.min(longestPauseMs, Math.max(pauseMs, askedPauseMs(thrown))));
      }
    }
    return this.#tryCommand(callControlId, action, json);
  }

  async #tryCommand(
    callControlId: string,
    action: string,
    json: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    try {
      await this.#api.request('POST', `/calls/${encodeURIComponent(callControlId)}/actions/${action}`, {
        json,
      });
      return true;
    } catch (thrown) {
      if (isGone(thrown)) return false;
      throw thrown;
    }
  }
}

function isGone(thrown: unknown): boolean {
  if (!(thrown instanceof PatchcordError)) return false;
  const { status, carrierCode } = thrown.details;
  return carrierCode === callEnded || status === notFound;
}

/** No answer at all, too many requests, or Telnyx's own trouble. */
function isPassing(thrown: unknown): thrown is PatchcordError {
  if (!(thrown instanceof PatchcordError)) return false;
  const { status } = thrown.details;
  return typeof status !== 'number' || status === 429 || status >= 500;
}

function askedPauseMs({ details: { retryAfterMs } }: PatchcordError): number {
  return typeof retryAfterMs === 'number' ? retryAfterMs : 0;
}

/** Telnyx's error body: `{"errors":[{"code":"90018","title":"...","detail":"..."}]}`; codes are strings. */
function readError(body: unknown): { code?: string; message?: string } {
  const { errors } = recordOf(body);
  const all = Array.isArray(errors) ? errors.map((each: unknown) => recordOf(each)) : [];
  const told = all.find(({ code }) => String(code) === callEnded) ?? all[0];
  if (told === undefined) return {};
  const { code, detail, title } = told;
  const message = readText(detail) ?? readText(title);
  return {
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code).slice(0, 32) } : {}),
    ...(message === undefined ? {} : { message: message.slice(0, 300) }),
  };
}
