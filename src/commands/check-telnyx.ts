import { z } from 'zod';
import { HttpApi } from '../carriers/http-api.ts';
import { readPublicKey } from '../carriers/telnyx/auth.ts';
import { missingForDial } from '../carriers/telnyx/carrier.ts';
import type { Settings } from '../config/schema.ts';
import {
  type Answer,
  ask,
  type CarrierCheck,
  dialFindings,
  dialHostOf,
  leadsTo,
  publicAddress,
  unreachable,
} from './carrier-check.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Telnyx's API reference, "Retrieve a call control application". */
const applicationSchema = z.object({
  active: z.boolean().optional(),
  webhook_event_url: z.string().nullish(),
  webhook_api_version: z.string().optional(),
  outbound: z.object({ outbound_voice_profile_id: z.string().nullish() }).nullish(),
});
const oneSchema = z.object({ data: applicationSchema });
/** Telnyx's API reference, "List call control applications". */
const listSchema = z.object({ data: z.array(applicationSchema) });
const pageSize = 250;

const taken = ok('Telnyx takes the API key');
const noProfile = ok('the Call Control application has no outbound voice profile', 'give it one to dial');

type Application = z.infer<typeof applicationSchema>;

/** Asks for the Call Control application of outbound calls, else for all of them, and where they lead. */
export const checkTelnyx: CarrierCheck = async ({ settings, clock, timeoutMs }) => {
  const { telnyx } = settings;
  const { apiKey, publicKey, fromNumber, callControlAppId, outboundProfileId } = telnyx;
  const set = [apiKey, publicKey, fromNumber, callControlAppId, outboundProfileId];
  if (set.every((value) => value === undefined)) return [];
  const findings = publicKeyFindings(settings);
  if (apiKey === undefined) {
    const what = 'TELNYX_API_KEY is not set, so no call can be answered';
    return [fail(what, 'make an API key (v2) in the Telnyx portal'), ...findings];
  }
  const api = new HttpApi({
    carrier: 'telnyx',
    baseUrl: telnyx.apiBaseUrl,
    authorization: `Bearer ${apiKey}`,
    clock,
    deadlineMs: timeoutMs,
  });
  try {
    findings.unshift(...(await applicationFindings(api, settings)));
    const missing = missingForDial(telnyx, dialHostOf(settings));
    if (missing.length === 0 && findings.includes(noProfile)) return findings;
    return [...findings, ...dialFindings('Telnyx', missing, findings)];
  } catch (error) {
    return [unreachable('Telnyx', 'TELNYX_API_BASE_URL', error), ...findings];
  }
};

function publicKeyFindings({ telnyx, carriers }: Settings): Finding[] {
  if (carriers.allowUnsigned.includes('telnyx')) return [];
  const where = 'copy the public key from Account, Keys & Credentials in the Telnyx portal';
  if (telnyx.publicKey === undefined) {
    return [fail('TELNYX_PUBLIC_KEY is not set, so webhooks of Telnyx are refused', where)];
  }
  return readPublicKey(telnyx.publicKey) === undefined
    ? [fail('TELNYX_PUBLIC_KEY is no Ed25519 public key', where)]
    : [];
}

async function applicationFindings(
  api: HttpApi,
  { telnyx, server: { publicUrl } }: Settings,
): Promise<Finding[]> {
  const id = telnyx.callControlAppId;
  if (id === undefined) {
    const query = new URLSearchParams({ 'page[size]': String(pageSize) });
    return listFindings(await ask(api, `/call_control_applications?${query}`), publicUrl);
  }
  const answer = await ask(api, `/call_control_applications/${encodeURIComponent(id)}`);
  if (answer.status === 404 || answer.status === 422) {
    const what = `Telnyx has no Call Control application of that id (${answer.status})`;
    return [fail(what, 'check TELNYX_CALL_CONTROL_APP_ID')];
  }
  const application = oneSchema.safeParse(answer.body);
  if (!application.success) return [refused(answer)];
  if (publicUrl === undefined) return [taken];
  if (leadsHere(application.data.data, publicUrl)) return [taken, ...described(application.data.data)];
  const what = 'the Call Control application leads somewhere else';
  return [taken, warn(what, `set its webhook URL to ${webhook(publicUrl)}`)];
}

function listFindings(answer: Answer, publicUrl: string | undefined): Finding[] {
  const applications = listSchema.safeParse(answer.body);
  if (!applications.success) return [refused(answer)];
  if (publicUrl === undefined) return [taken];
  const application = applications.data.data.find((each) => leadsHere(each, publicUrl));
  if (application !== undefined) return [taken, ...described(application)];
  const steps = `make one with the webhook URL ${webhook(publicUrl)} and API version 2, and give it your number`;
  return [taken, warn('no Call Control application at Telnyx leads to this gateway', steps)];
}

function refused({ status }: Answer): Finding {
  return status === 401 || status === 403
    ? fail(`Telnyx refuses the API key (${status})`, 'check TELNYX_API_KEY, an API key of version 2')
    : fail(`Telnyx answers ${status}`, 'check TELNYX_API_BASE_URL, or try again in a minute');
}

function webhook(publicUrl: string): string {
  return publicAddress(publicUrl, '/api/webhooks/telnyx');
}

function leadsHere(application: Application, publicUrl: string): boolean {
  return leadsTo(application.webhook_event_url, [webhook(publicUrl)]);
}

/** Of the application whose events come here. */
function described({ active, webhook_api_version: version, outbound }: Application): Finding[] {
  if (active === false) return [fail('the Call Control application is not active', 'switch it on at Telnyx')];
  if (version === '1') {
    const what = 'the Call Control application sends webhooks of API version 1';
    return [fail(what, 'choose version 2: those of version 1 are not signed')];
  }
  const here = ok('the Call Control application leads to this gateway');
  if (outbound?.outbound_voice_profile_id) return [here];
  return [here, noProfile];
}
