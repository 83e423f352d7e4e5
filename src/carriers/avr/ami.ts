import type { Clock } from '../../base/clock.ts';
import { readText, recordOf } from '../fields.ts';
import { HttpApi } from '../http-api.ts';

/** Where a transfer leads in the dialplan. */
export interface Extension {
  readonly exten: string;
  readonly context: string;
  readonly priority: number;
}

/** What the helper knows of a caller. */
export interface ChannelVariables {
  readonly phone: string | undefined;
  readonly name: string | undefined;
}

export const defaultContext = 'demo';

const deadlineMs = 3000;

/**
 * AVR's helper in front of the Asterisk Manager Interface (avr-ami), which knows a channel by the uuid that the
 * dialplan gave to AudioSocket. It takes JSON, asks for no password, and answers `{"message":...}` with 200, 404 where
 * it knows no such call, 500 where Asterisk does not do it. All methods throw PATCHCORD_CARRIER_API.
 */
export class AmiHelper {
  readonly #api: HttpApi;

  /** `url`: as AMI_URL has it, without a trailing slash. */
  constructor(url: string, clock: Clock) {
    this.#api = new HttpApi({
      carrier: 'avr',
      baseUrl: url,
      clock,
      deadlineMs,
      readError: (body) => {
        const message = readText(recordOf(body).message);
        return message === undefined ? {} : { message };
      },
    });
  }

  /** AMI action Hangup. */
  async hangUp(uuid: string): Promise<void> {
    await this.#api.request('POST', '/hangup', { json: { uuid } });
  }

  /** AMI action Redirect. */
  async transfer(uuid: string, { exten, context, priority }: Extension): Promise<void> {
    await this.#api.request('POST', '/transfer', { json: { uuid, exten, context, priority } });
  }

  /** What the dialplan and AMI told of the channel; the names differ from one version of the helper to the next. */
  async variables(uuid: string): Promise<ChannelVariables> {
    const { body } = await this.#api.request('POST', '/variables', { json: { uuid } });
    const known = recordOf(body);
    const first = (...names: readonly string[]): string | undefined =>
      names.map((name) => readText(known[name])?.slice(0, 500)).find((value) => value !== undefined);
    return {
      phone: first('phoneNumber', 'callerNumber', 'callerId', 'caller_id', 'from'),
      name: first('callerName', 'caller_name', 'name'),
    };
  }
}
