import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import { readText, recordOf } from '../fields.ts';
import { basicAuthorization, HttpApi } from '../http-api.ts';

export interface PlivoRestSettings {
  readonly authId: string;
  readonly authToken: string;
  /** `https://api.plivo.com/v1`, without a trailing slash. */
  readonly apiBaseUrl: string;
}

export interface CreateCall {
  /** Country code and number, no plus. */
  readonly to: string;
  readonly from: string;
  /** Where Plivo asks for XML when the call is answered. */
  readonly answerUrl: string;
  /** Told when the phone rings and when the call is over. */
  readonly callbackUrl: string;
  /** How long an unanswered call rings, seconds. */
  readonly ringTimeoutS: number;
  /** Longest call from its answer on, seconds. */
  readonly timeLimitS: number;
}

/** An id that can stand in a path. */
const id = /^[\w-]{1,64}$/;

export function isCallId(text: string | undefined): text is string {
  return text !== undefined && id.test(text);
}

/** Plivo's Voice API, version 1, resources Call and Request. All methods throw PATCHCORD_CARRIER_API. */
export class PlivoRest {
  readonly #api: HttpApi;

  constructor(settings: PlivoRestSettings, clock: Clock, deadlineMs = 5000) {
    this.#api = new HttpApi({
      carrier: 'plivo',
      baseUrl: `${settings.apiBaseUrl}/Account/${encodeURIComponent(settings.authId)}`,
      authorization: basicAuthorization(settings.authId, settings.authToken),
      clock,
      deadlineMs,
      readError,
    });
  }

  /** Documentation: "Make an outbound call". Gives the request's id; the call's own comes with its webhooks. */
  async createCall(call: CreateCall): Promise<string> {
    const { status, body } = await this.#api.request('POST', '/Call/', {
      json: {
        from: call.from,
        to: call.to,
        answer_url: call.answerUrl,
        answer_method: 'POST',
        ring_url: call.callbackUrl,
        ring_method: 'POST',
        hangup_url: call.callbackUrl,
        hangup_method: 'POST',
        ring_timeout: call.ringTimeoutS,
        time_limit: call.timeLimitS,
      },
    });
    const { request_uuid: given } = recordOf(body);
    const requestUuid = readText(Array.isArray(given) ? given[0] : given);
    if (isCallId(requestUuid)) return requestUuid;
    throw new PatchcordError('PATCHCORD_CARRIER_API', 'plivo: the answer has no request_uuid', { status });
  }

  /** Documentation: "Hang up a call". False: it was already gone. */
  endCall(callUuid: string): Promise<boolean> {
    return this.#done('DELETE', 'Call', callUuid);
  }

  /** Cancels a dial that Plivo has not begun yet. False: there is no such dial any more. */
  cancelRequest(requestUuid: string): Promise<boolean> {
    return this.#done('DELETE', 'Request', requestUuid);
  }

  /** Documentation: "Transfer a call". The call fetches new XML, once its media stream has ended. False: it is gone. */
  transfer(callUuid: string, url: string): Promise<boolean> {
    return this.#done('POST', 'Call', callUuid, { legs: 'aleg', aleg_url: url, aleg_method: 'POST' });
  }

  async #done(
    method: 'POST' | 'DELETE',
    resource: 'Call' | 'Request',
    uuid: string,
    json?: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    // Without an id the path would be that of all calls, which Plivo would hang up together.
    if (!isCallId(uuid)) throw new PatchcordError('PATCHCORD_CARRIER_API', 'plivo: no id of a call');
    try {
      await this.#api.request(method, `/${resource}/${uuid}/`, json === undefined ? undefined : { json });
      return true;
    } catch (thrown) {
      if (thrown instanceof PatchcordError && thrown.details.status === 404) return false;
      throw thrown;
    }
  }
}

/** Plivo's error body: `{"api_id": "...", "error": "..."}`. */
function readError(body: unknown): { message?: string } {
  const message = readText(recordOf(body).error);
  return message === undefined ? {} : { message: message.slice(0, 300) };
}
