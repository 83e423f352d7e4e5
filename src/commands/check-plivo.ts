import { z } from 'zod';
import { basicAuthorization, HttpApi } from '../carriers/http-api.ts';
import { missingForDial } from '../carriers/plivo/carrier.ts';
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

/** Plivo's API reference, "The account object". */
const accountSchema = z.object({ account_type: z.string().optional() });
/** Plivo's API reference, "The AccountPhoneNumber object". */
const numberSchema = z.object({ application: z.string().nullish(), voice_enabled: z.boolean().optional() });
/** Plivo's API reference, "The application object". */
const applicationSchema = z.object({ answer_url: z.string().nullish() });

/** Asks for the account, then for the number and where its application leads. */
export const checkPlivo: CarrierCheck = async ({ settings, clock, timeoutMs }) => {
  const { plivo, server } = settings;
  const { authId, authToken, phoneNumber } = plivo;
  if ([authId, authToken, phoneNumber].every((value) => value === undefined)) return [];
  if (authToken === undefined) {
    const what = 'PLIVO_AUTH_TOKEN is not set, so requests of Plivo are refused';
    return [fail(what, 'copy it from the overview page of the Plivo console')];
  }
  if (authId === undefined) {
    const what = 'Plivo may call in; PLIVO_AUTH_ID is not set, so nothing is dialled or transferred';
    return [ok(asSet(what), answerUrlAdvice(server.publicUrl))];
  }
  const api = new HttpApi({
    carrier: 'plivo',
    baseUrl: `${plivo.apiBaseUrl}/Account/${encodeURIComponent(authId)}`,
    authorization: basicAuthorization(authId, authToken),
    clock,
    deadlineMs: timeoutMs,
  });
  try {
    const account = accountFinding(await ask(api, '/'));
    if (account.level === 'fail') return [account];
    const number = await numberFindings(api, settings);
    const missing = missingForDial(plivo, dialHostOf(settings));
    return [account, ...number, ...dialFindings('Plivo', missing, number)];
  } catch (error) {
    return [unreachable('Plivo', 'PLIVO_API_BASE_URL', error)];
  }
};

function answerUrlAdvice(publicUrl: string | undefined): string {
  const [answer, hangup] = ['/incoming-call', '/callbacks'].map((path) => publicAddress(publicUrl, path));
  return `the number's application needs the answer URL ${answer} and the hangup URL ${hangup}`;
}

function accountFinding({ status, body }: Answer): Finding {
  if (status === 401 || status === 403) {
    return fail(`Plivo refuses the credentials (${status})`, 'check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN');
  }
  if (status === 404) return fail('Plivo does not know the account (404)', 'check PLIVO_AUTH_ID');
  const account = accountSchema.safeParse(body);
  if (!account.success) {
    return fail(
      `Plivo answers ${status} for the account`,
      'check PLIVO_API_BASE_URL, or try again in a minute',
    );
  }
  // "developer for accounts in free trial"
  if (account.data.account_type === 'developer') {
    return warn('the Plivo account is a trial', 'it calls only numbers that were verified');
  }
  return ok('Plivo takes the credentials');
}

async function numberFindings(api: HttpApi, { plivo, server: { publicUrl } }: Settings): Promise<Finding[]> {
  if (plivo.phoneNumber === undefined) return [];
  const answer = await ask(api, `/Number/${plivo.phoneNumber.replace('+', '')}/`);
  if (answer.status === 404) {
    return [fail('PLIVO_PHONE_NUMBER is not a number of the account', 'set one that is')];
  }
  const number = numberSchema.safeParse(answer.body);
  if (!number.success) {
    const advice = 'look at PLIVO_PHONE_NUMBER in the Plivo console';
    return [warn(`Plivo answers ${answer.status} for the number`, advice)];
  }
  if (number.data.voice_enabled === false) {
    return [fail('PLIVO_PHONE_NUMBER takes no calls', 'set one that is enabled for voice')];
  }
  if (publicUrl === undefined) return [ok('PLIVO_PHONE_NUMBER is a number of the account')];
  return [await leadFinding(api, number.data.application, publicUrl)];
}

/** `application`: `/v1/Account/MA.../Application/29986316244302815/` */
async function leadFinding(
  api: HttpApi,
  application: string | null | undefined,
  publicUrl: string,
): Promise<Finding> {
  const [, id] = /\/Application\/(\w+)\/?$/.exec(application ?? '') ?? [];
  if (id === undefined) return warn('PLIVO_PHONE_NUMBER has no application', answerUrlAdvice(publicUrl));
  const answer = applicationSchema.safeParse((await ask(api, `/Application/${id}/`)).body);
  const expected = [`${publicUrl}/incoming-call`, `${publicUrl}/inbound-call`];
  if (leadsTo(answer.data?.answer_url, expected)) return ok('PLIVO_PHONE_NUMBER leads to this gateway');
  return warn('PLIVO_PHONE_NUMBER leads somewhere else', answerUrlAdvice(publicUrl));
}
