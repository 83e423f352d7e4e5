import { z } from 'zod';
import { basicAuthorization, HttpApi } from '../carriers/http-api.ts';
import { missingForDial } from '../carriers/twilio/carrier.ts';
import type { Settings } from '../config/schema.ts';
import {
  type Answer,
  ask,
  asSet,
  type CarrierCheck,
  dialFindings,
  dialHostOf,
  leadsTo,
  publicAddress,
  unreachable,
} from './carrier-check.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Twilio's REST reference, "Account resource". */
const accountSchema = z.object({ status: z.string(), type: z.string().optional() });

/** Twilio's REST reference, "IncomingPhoneNumber resource". */
const numbersSchema = z.object({
  incoming_phone_numbers: z.array(
    z.object({ voice_url: z.string().nullish(), status_callback: z.string().nullish() }),
  ),
});

/** Where a number's "Call status changes" may lead. */
const callbackPaths = ['/status-callback', '/twilio-status-callback'] as const;

/** Asks for the account, then whether the number leads to this gateway. */
export const checkTwilio: CarrierCheck = async ({ settings, clock, timeoutMs }) => {
  const { twilio, server } = settings;
  if (!twilio.accountSid) return withoutAccount(settings);
  const user = twilio.apiKeySid ?? twilio.accountSid;
  const password = twilio.apiKeySid ? twilio.apiKeySecret : twilio.authToken;
  if (!password) return [fail('TWILIO_AUTH_TOKEN is not set', "copy it from the account's page at Twilio")];
  const api = new HttpApi({
    carrier: 'twilio',
    baseUrl: twilio.apiBaseUrl,
    authorization: basicAuthorization(user, password),
    clock,
    deadlineMs: timeoutMs,
  });
  const account = `/2010-04-01/Accounts/${encodeURIComponent(twilio.accountSid)}`;
  const missing = missingForDial(twilio, dialHostOf(settings));
  try {
    const found = accountFinding(await ask(api, `${account}.json`));
    if (found.level === 'fail') return [found];
    if (!twilio.phoneNumber) return [found, ...dialFindings('Twilio', missing, [])];
    const query = new URLSearchParams({ PhoneNumber: twilio.phoneNumber });
    const numbers = await ask(api, `${account}/IncomingPhoneNumbers.json?${query}`);
    const number = numberFinding(numbers, server.publicUrl);
    return [found, number, ...dialFindings('Twilio', missing, [number])];
  } catch (error) {
    return [unreachable('Twilio', 'TWILIO_API_BASE_URL', error)];
  }
};

/** Calls come in by signature alone; only dialling, hanging up and redirecting need the account. */
function withoutAccount({ twilio, server }: Settings): Finding[] {
  if (!twilio.authToken) return [];
  if (server.publicUrl === undefined) {
    return [
      fail(
        'TWILIO_AUTH_TOKEN is set and PUBLIC_URL is not',
        'set PUBLIC_URL: signatures are checked against it',
      ),
    ];
  }
  return [
    ok(
      asSet('Twilio may call in; TWILIO_ACCOUNT_SID is not set, so nothing is dialled'),
      `the number's webhook is ${publicAddress(server.publicUrl, '/incoming-call')}, its status callback ${publicAddress(server.publicUrl, callbackPaths[0])}`,
    ),
  ];
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
  if (leadsTo(number.voice_url, expected)) {
    const leads = 'TWILIO_PHONE_NUMBER leads to this gateway';
    if (
      leadsTo(
        number.status_callback,
        callbackPaths.map((path) => `${publicUrl}${path}`),
      )
    )
      return ok(leads);
    const advice = `set "Call status changes" to ${publicUrl}${callbackPaths[0]}: it tells of callers who hang up early`;
    return ok(leads, advice);
  }
  return warn(
    'TWILIO_PHONE_NUMBER leads somewhere else',
    `set "A call comes in" of the number to ${expected[0]} to be called on it`,
  );
}
