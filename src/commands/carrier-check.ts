import type { Clock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import type { DialHost } from '../carriers/carrier.ts';
import type { HttpApi } from '../carriers/http-api.ts';
import type { Environment } from '../config/environment.ts';
import type { Settings } from '../config/schema.ts';
import { type Finding, fail, listed, networkReason, ok } from './finding.ts';

export interface CarrierCheckOptions {
  readonly settings: Settings;
  /** Tells what was set apart from what is a default. */
  readonly env: Environment;
  readonly clock: Clock;
  /** Of one request. */
  readonly timeoutMs: number;
}

/** Looks at what is set for one carrier and at what that points to. Finds nothing where nothing is set and something has to be. Never rejects. */
export type CarrierCheck = (options: CarrierCheckOptions) => Promise<Finding[]>;

/** What a vendor's API answered; a body comes only with a 2xx. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks for something that costs nothing. Throws what kept the API from answering. */
export async function ask(api: HttpApi, path: string): Promise<Answer> {
  try {
    return await api.request('GET', path);
  } catch (thrown) {
    const status = thrown instanceof PatchcordError ? thrown.details.status : undefined;
    if (typeof status === 'number') return { status, body: undefined };
    throw thrown;
  }
}

/** Of a vendor's API that did not answer. `setting`: where its address comes from. */
export function unreachable(vendor: string, setting: string, thrown: unknown): Finding {
  return fail(`${vendor} cannot be reached (${networkReason(thrown)})`, `check the network and ${setting}`);
}

/** `found`: what else was found of the carrier; whoever failed there is not told that he can dial. */
export function dialFindings(
  vendor: string,
  missing: readonly string[],
  found: readonly Finding[],
): Finding[] {
  if (missing.length > 0) return [ok(`${vendor} cannot dial yet`, `set ${listed(missing)} if it is to`)];
  if (found.some(({ level }) => level === 'fail')) return [];
  return [ok(`${vendor} can dial (the settings are complete; nothing was dialled)`)];
}

/** Of a carrier that cannot be asked, or not with what is set. */
export function asSet(what: string): string {
  return `${what} (so the settings say; nothing was asked)`;
}

export function dialHostOf({ server, carriers }: Settings): DialHost {
  return {
    publicUrl: server.publicUrl,
    allowsUnsigned: (carrier) => carriers.allowUnsigned.some((each) => each === carrier),
  };
}

/** An address of ours as it is to be entered at a carrier. */
export function publicAddress(publicUrl: string | undefined, path: string): string {
  return `${publicUrl ?? 'https://your-public-host'}${path}`;
}

/** The same for a WebSocket. */
export function publicSocketAddress(publicUrl: string | undefined, path: string): string {
  return publicAddress(publicUrl, path).replace(/^http/i, 'ws');
}

/** Whether an address that a vendor keeps is one of these, whatever its query. */
export function leadsTo(address: string | null | undefined, expected: readonly string[]): boolean {
  const plain = plainAddress(address ?? '');
  return plain !== undefined && expected.some((each) => plainAddress(each) === plain);
}

function plainAddress(address: string): string | undefined {
  const url = URL.parse(address);
  return url === null ? undefined : url.origin + url.pathname;
}
