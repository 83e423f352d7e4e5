import type { Party } from '../../call/party.ts';

const maxVariables = 20;
const maxNameLength = 64;
const maxValueLength = 500;

/** Names under which avr-core, its webhook and the dialplans in use give one thing; the first that is there counts. */
const fromNames = ['from', 'callerNumber', 'phoneNumber', 'caller_id', 'callerId'];
const toNames = ['to', 'extension'];
const callerNames = ['callerName', 'caller_name', 'calleridname'];
const notVariables = new Set([...fromNames, ...toNames, ...callerNames, 'uuid']);

/** The query of the address that avr-core connected to, without a part that is no address. */
export function queryOf(target: string | undefined): ReadonlyMap<string, string> {
  const at = target?.indexOf('?') ?? -1;
  const query = new Map<string, string>();
  if (target === undefined || at < 0) return query;
  for (const [name, value] of new URLSearchParams(target.slice(at + 1))) {
    if (!query.has(name)) query.set(name, value);
  }
  return query;
}

/**
 * Who calls whom, as the payload of avr-core's `POST /call` says, which comes as query parameters, and after it the
 * fields of `init`. What is left becomes the call's variables: the first 20, their values cut at 500 characters.
 */
export function partyOf(query: ReadonlyMap<string, string>, fields: ReadonlyMap<string, string>): Party {
  const given = new Map([...fields, ...query]);
  const first = (names: readonly string[]): string | undefined =>
    names.map((name) => given.get(name)?.trim().slice(0, maxValueLength)).find((value) => value);
  const from = first(fromNames);
  const to = first(toNames);
  const callerName = first(callerNames);
  const variables: [string, string][] = callerName === undefined ? [] : [['callerName', callerName]];
  for (const [name, value] of [...query, ...fields]) {
    if (variables.length >= maxVariables) break;
    if (notVariables.has(name) || !isName(name) || variables.some(([known]) => known === name)) continue;
    variables.push([name, value.slice(0, maxValueLength)]);
  }
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    direction: 'inbound',
    variables: Object.fromEntries(variables),
  };
}

function isName(name: string): boolean {
  return name.length <= maxNameLength && /^[a-z][\w.-]*$/i.test(name);
}
