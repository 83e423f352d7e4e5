import { z } from 'zod';
import type { Settings } from '../config/schema.ts';
import { type Finding, fail, networkReason, ok, warn } from './finding.ts';

export interface TwilioCheckOptions {
  readonly twilio: Settings['twilio'];
  readonly publicUrl: string | undefined;
  readonly timeoutMs: number;
}

/** Twilio's REST reference, "Account resource". */
const accountSchema = z.object({ status: z.string(), type: z.string().optional() });

/** Twilio's REST reference, "IncomingPhoneNumber resource". */
const numbersSchema = z.object({
  incoming_phone_numbers: z.array(z.object({ voice_url: z.string().nullish() })),
});

/** Asks for the account, then whether the number leads to this gateway. */
export async function checkTwilio(options: TwilioCheckOptions): Promise<Finding[]> {
  const { twilio } = options;
  if (!twilio.accountSid) return [withoutAccount(options)];
  const user = twilio.apiKeySid ?? twilio.accountSid;
  const password = twilio.apiKeySid ? twilio.apiKeySecret : twilio.authToken;
  if (!password) return [fail('TWILIO_AUTH_TOKEN is not set', "copy it from the account's page at Twilio")];
  const account = `${twilio.apiBaseUrl}/2010-04-01/Accounts/${encodeURIComponent(twilio.accountSid)}`;
  const get = (address: string): Promise<Answer> =>
    getJson(address, `${user}:${password}`, options.timeoutMs);
  try {
    const found = accountFinding(await get(`${account}.json`));
    if (found.level === 'fail' || !twilio.phoneNumber) return [found];
    const query = new URLSearchParams({ PhoneNumber: twilio.phoneNumber });
    return [
      found,
      numberFinding(await get(`${account}/IncomingPhoneNumbers.json?${query}`), options.publicUrl),
    ];
  } catch (error) {
    const what = `Twilio cannot be reached (${networkReason(error)})`;
    return [fail(what, 'check the network and TWILIO_API_BASE_URL')];
  }
}

/** Calls come in by signature alone; only dialling, hanging up and redirecting need the account. */
function withoutAccount({ twilio, publicUrl }: TwilioCheckOptions): Finding {
  if (!twilio.authToken) return ok('TWILIO_AUTH_TOKEN is not set, Twilio is not used');
  if (publicUrl === undefined) {
    return fail(
      'TWILIO_AUTH_TOKEN is set and PUBLIC_URL is not',
      'set PUBLIC_URL: signatures are checked against it',
    );
  }
  return ok(
    'Twilio may call in; TWILIO_ACCOUNT_SID is not set, so nothing is dialled',
    `the number's webhook is ${publicUrl}/incoming-call`,
  );
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function getJson(address: string, credentials: string, timeoutMs: number): Promise<Answer> {
  const response = await fetch(address, {
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  return { status: response.status, body: parseJson(text) };
}

function accountFinding({ status, body }: Answer): Finding {
  if (status === 401 || status === 403) {
    return fail(
      `Twilio refuses the credentials (${status})`,
      'check TWILIO_ACCOUNT_SID and its token or API key',
    );
  }
  if (status === 404) return fail('Twilio does not know the account (404)', 'check TWILIO_ACCOUNT_SID');
  const account = accountSchema.safeParse(body);
  if (status !== 200 || !account.success) {
    return fail(
      `Twilio answers ${status} for the account`,
      'check TWILIO_API_BASE_URL, or try again in a minute',
    );
  }
  if (account.data.status !== 'active') {
    return fail(`the Twilio account is ${account.data.status}`, 'open it again at Twilio');
  }
  if (account.data.type === 'Trial') {
    return warn('the Twilio account is a trial', 'it calls only verified numbers and speaks a notice first');
  }
  return ok('the Twilio account is active');
}

function numberFinding({ status, body }: Answer, publicUrl: string | undefined): Finding {
  const numbers = numbersSchema.safeParse(body);
  if (status !== 200 || !numbers.success) {
    return warn(
      `Twilio answers ${status} for the number`,
      'look at TWILIO_PHONE_NUMBER on the page of the account',
    );
  }
  const [number] = numbers.data.incoming_phone_numbers;
  if (!number) return fail('TWILIO_PHONE_NUMBER is not a number of the account', 'set one that is');
  if (!publicUrl) return ok('TWILIO_PHONE_NUMBER is a number of the account');
  const expected = [`${publicUrl}/incoming-call`, `${publicUrl}/inbound-call`];
  if (number.voice_url && expected.includes(number.voice_url))
    return ok('TWILIO_PHONE_NUMBER leads to this gateway');
  return warn(
    'TWILIO_PHONE_NUMBER leads somewhere else',
    `set "A call comes in" of the number to ${expected[0]} to be called on it`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
