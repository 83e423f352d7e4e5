import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { messageOf, PatchcordError } from '../base/errors.ts';
import { allSettings, type Settings } from './schema.ts';
import { isServiceAddress } from './service-links.ts';
import type { Setting } from './setting.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const shownCharacters = 60;

/**
 * Every setting from the environment, defaults filled in, frozen.
 * @throws PatchcordError PATCHCORD_CONFIG_INVALID with one line that names each wrong setting, its value
 *   (never a secret's) and what was expected.
 */
export function loadSettings(env: Environment): Settings {
  const problems: string[] = [];
  const groups: Record<string, Record<string, unknown>> = {};
  for (const { group, field, setting } of allSettings()) {
    const fields = groups[group] ?? {};
    groups[group] = fields;
    const given = givenValue(setting, env);
    const raw = given?.value ?? setting.default;
    if (raw === undefined) {
      fields[field] = undefined;
      continue;
    }
    const parsed = setting.kind.schema.safeParse(raw);
    if (parsed.success) fields[field] = freeze(parsed.data);
    else problems.push(problemLine(given?.name ?? setting.names[0], raw, setting));
  }
  // The tree's keys are the type's keys, so the checked values have the type's shape.
  const settings = Object.freeze(mapValues(groups, (fields) => Object.freeze(fields))) as unknown as Settings;
  if (problems.length === 0) problems.push(...pairProblems(settings));
  if (problems.length > 0) {
    throw new PatchcordError('PATCHCORD_CONFIG_INVALID', problems.join('; '), { problems });
  }
  return settings;
}

/** The first of a setting's names that is set, with its trimmed value. What Kubernetes says of a service is none. */
export function givenValue(
  setting: Setting<unknown>,
  env: Environment,
): { readonly name: string; readonly value: string } | undefined {
  for (const name of setting.names) {
    const value = env[name]?.trim();
    if (value === undefined || (value === '' && !setting.emptyIsValue)) continue;
    if (isServiceAddress(name, value)) continue;
    return { name, value };
  }
  return undefined;
}

/**
 * `env` with what a `.env` file in `directory` adds to it; what is set already wins, as with
 * `process.loadEnvFile`. No file is no error.
 * @throws PatchcordError PATCHCORD_CONFIG_INVALID when the file is there and cannot be read.
 */
export function withEnvFile(env: Environment, directory: string): Record<string, string | undefined> {
  return { ...readEnvFile(join(directory, '.env')), ...env };
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new PatchcordError(
      'PATCHCORD_CONFIG_INVALID',
      `.env cannot be read: ${messageOf(error)}`,
      {},
      error,
    );
  }
}

/** Settings that only make sense together. */
function pairProblems({ server, twilio, genesys, avr, asterisk }: Settings): string[] {
  const pairs: readonly [string, unknown, string, unknown][] = [
    ['TWILIO_API_KEY_SID', twilio.apiKeySid, 'TWILIO_API_KEY_SECRET', twilio.apiKeySecret],
    ['ASTERISK_WS_USERNAME', asterisk.wsUsername, 'ASTERISK_WS_PASSWORD', asterisk.wsPassword],
  ];
  const problems = pairs.flatMap(([one, hasOne, other, hasOther]) => {
    if ((hasOne === undefined) === (hasOther === undefined)) return [];
    return hasOne === undefined ? [missing(one, other)] : [missing(other, one)];
  });
  if (genesys.clientSecret !== undefined && genesys.apiKey === undefined) {
    problems.push(missing('GENESYS_API_KEY', 'GENESYS_CLIENT_SECRET'));
  }
  const ports: readonly [string, number | undefined][] = [
    ['PORT', server.port],
    ['AVR_PORT', avr.port],
    ['AUDIOSOCKET_PORT', asterisk.audioSocketPort],
  ];
  for (const [index, [name, port]] of ports.entries()) {
    const other = ports.slice(0, index).find(([, taken]) => taken === port);
    if (other && port) problems.push(`${name} is ${port}, expected another port than ${other[0]}`);
  }
  return problems;
}

function missing(name: string, set: string): string {
  return `${name} is not set, expected a value because ${set} has one`;
}

function problemLine(name: string, value: string, setting: Setting<unknown>): string {
  const shown = setting.secret ? 'a secret that cannot be used' : shownValue(value);
  return `${name} is ${shown}, expected ${setting.kind.expected}`;
}

/** One line, bounded, and without the credentials that an address may carry. */
function shownValue(value: string): string {
  const masked = value.replace(/\/\/[^/]*@/g, '//***@');
  return JSON.stringify(masked.length > shownCharacters ? `${masked.slice(0, shownCharacters)}...` : masked);
}

function freeze(value: unknown): unknown {
  return Array.isArray(value) ? Object.freeze(value) : value;
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
