import type { Environment } from './environment.ts';
import { allSettings } from './schema.ts';
import { isServiceLink } from './service-links.ts';

const ours = 'PATCHCORD';
/** What the names of settings begin with that are about one vendor, or us. */
const owners: readonly string[] = [
  ours,
  'OPENAI',
  'TWILIO',
  'TELNYX',
  'PLIVO',
  'GENESYS',
  'AVR',
  'ASTERISK',
  'AUDIOSOCKET',
];
/** A shorter part of a vendor's name may be another's. */
const shortestPart = 4;
/** In shorter names two slips are another name. */
const longName = 8;
/** The same of names that anybody may have, such as LOG_LEVEL, where already one slip is. */
const longSharedName = 9;
/** In a shorter beginning one slip is another one. */
const longOwner = 5;

interface Known {
  readonly name: string;
  /** `TWILIO` of `TWILIO_AUTH_TOKEN`; undefined where anybody may have a variable of such a name. */
  readonly owner: string | undefined;
  /** The setting is set, by this name or another. */
  readonly isSet: boolean;
}

/** Every unknown `PATCHCORD_*` name, and names that miss one of ours by a slip; others belong to other programs. */
export function unknownNameWarnings(env: Environment): string[] {
  const known = knownNames(env);
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (known.some((each) => each.name === name) || isServiceLink(name, value)) continue;
    const near = nearest(name, known);
    if (name.startsWith(`${ours}_`)) {
      warnings.push(`${name} is not a setting${near ? `, did you mean ${near}?` : ''}`);
    } else if (near) warnings.push(`${name} is not read, did you mean ${near}?`);
  }
  return warnings;
}

function knownNames(env: Environment): Known[] {
  return allSettings().flatMap(({ setting: { names } }) => {
    const isSet = names.some((name) => (env[name]?.trim() ?? '') !== '');
    return names.map((name) => ({
      name,
      owner: owners.find((owner) => name.startsWith(`${owner}_`)),
      isSet,
    }));
  });
}

function nearest(name: string, known: readonly Known[]): string | undefined {
  const candidates = known
    .map((each) => ({ each, slips: slipsBetween(name, each.name) }))
    .filter(({ each, slips }) => slips <= allowedSlips(name, each))
    .sort((a, b) => a.slips - b.slips);
  return candidates[0]?.each.name;
}

/** How many slips may lie between a name and one of ours. */
function allowedSlips(name: string, { name: meant, owner, isSet }: Known): number {
  if (name.startsWith(`${ours}_`)) return owner === ours ? 3 : 0;
  // Whoever has set what he meant has the other name for another program; as is one with a number behind it.
  if (isSet || name.replace(/_?\d+$/, '') === meant) return 0;
  if (owner === undefined) return lettersIn(meant) >= longSharedName ? 1 : 0;
  if (hasBrokenOwner(name, meant, owner)) return name.length;
  const isLong = lettersIn(name) >= longName && lettersIn(meant) >= longName;
  if (isCutShort(name, meant)) return meant.length - name.length;
  const [beginning = ''] = name.split('_', 1);
  if (beginning === owner) return isLong ? 2 : 1;
  const isNear = owner.length >= longOwner && slipsBetween(beginning, owner) === 1;
  return isLong && isNear ? 2 : 0;
}

/** `..._USER` for `..._USERNAME`; a name that is whole words, such as TWILIO_API_KEY, is another program's. */
function isCutShort(name: string, meant: string): boolean {
  return lettersIn(name) >= longName && meant.startsWith(name) && /^[A-Z]/.test(meant.slice(name.length));
}

/** `OPEN_API_KEY` or `OPEN_AI_API_KEY` for OPENAI_API_KEY: the vendor's name in part, or in two words. */
function hasBrokenOwner(name: string, meant: string, owner: string): boolean {
  const [beginning = ''] = name.split('_', 1);
  if (beginning.length < shortestPart || !owner.startsWith(beginning) || beginning === owner) return false;
  const rest = meant.slice(owner.length);
  return name === beginning + rest || name === `${beginning}_${owner.slice(beginning.length)}${rest}`;
}

function lettersIn(name: string): number {
  return name.replace(/[^A-Z]/gi, '').length;
}

/** Letters that were left out, added, mistaken, or changed places with the next: optimal string alignment. */
function slipsBetween(a: string, b: string): number {
  let before: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current.push(
        Math.min(
          (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
