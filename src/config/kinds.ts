import { isIP } from 'node:net';
import { z } from 'zod';

/** How one setting's text becomes a value, and the words that say what was expected of it. */
export interface Kind<T> {
  readonly schema: z.ZodType<T, string>;
  /** Completes "expected ...". */
  readonly expected: string;
}

/** Any text that is not blank. */
export function text(expected = 'some text'): Kind<string> {
  return { schema: z.string().min(1), expected };
}

/** Text of one shape. */
export function textLike(pattern: RegExp, expected: string): Kind<string> {
  return { schema: z.string().regex(pattern), expected };
}

export function integer(min: number, max: number): Kind<number> {
  return { schema: integerSchema(min, max), expected: `a whole number from ${min} to ${max}` };
}

export function decimal(min: number, max: number): Kind<number> {
  const schema = z
    .string()
    .regex(/^-?\d+(\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
  return { schema, expected: `a number from ${min} to ${max}` };
}

/** A variable in milliseconds. */
export function milliseconds(min: number, max: number): Kind<number> {
  return {
    schema: integerSchema(min, max),
    expected: `a whole number of milliseconds from ${min} to ${max}`,
  };
}

/** A variable in seconds whose value is kept in milliseconds. */
export function seconds(min: number, max: number): Kind<number> {
  return {
    schema: integerSchema(min, max).transform((value) => value * 1000),
    expected: `a whole number of seconds from ${min} to ${max}`,
  };
}

export function yesOrNo(): Kind<boolean> {
  return { schema: z.stringbool(), expected: 'true or false' };
}

export function oneOf<const T extends string>(values: readonly [T, ...T[]]): Kind<T> {
  return { schema: z.enum(values), expected: alternatives(values) };
}

/** Names of which any number may be given, divided by commas. */
export function someOf<const T extends string>(values: readonly [T, ...T[]]): Kind<readonly T[]> {
  return {
    schema: listSchema(z.enum(values)),
    expected: `names divided by commas out of: ${values.join(', ')}`,
  };
}

export function listOf(item: z.ZodType<string, string>, expected: string): Kind<readonly string[]> {
  return { schema: listSchema(item), expected };
}

/** An address without credentials and, unless it may, a query; a trailing slash is dropped. */
export function url(
  protocols: readonly [string, ...string[]],
  may: { readonly query?: boolean } = {},
): Kind<string> {
  const forbidden = may.query ? ['credentials', 'fragment'] : ['credentials', 'query', 'fragment'];
  const schema = z
    .string()
    .refine((value) => isPlainUrl(value, protocols) && !(may.query ? /#/ : /[?#]/).test(value))
    .transform((value) => value.replace(/\/+$/, ''));
  const schemes = alternatives(protocols.map((protocol) => `${protocol}://`));
  return { schema, expected: `an address that starts with ${schemes}, without ${alternatives(forbidden)}` };
}

/** An address to fetch from: http or https, a query is welcome. */
export function fetchableUrl(): Kind<string> {
  return {
    schema: z.string().refine((value) => ['http:', 'https:'].includes(URL.parse(value)?.protocol ?? '')),
    expected: 'an address that starts with http:// or https://',
  };
}

/** A name or address that a socket can be bound to, not the public name that the replaced projects put here. */
export function bindHost(): Kind<string> {
  const schema = z
    .string()
    .regex(/^[\w.:-]+$/)
    .refine((value) => isIP(value) !== 0 || !value.includes('.'));
  return {
    schema,
    expected:
      'an address to listen on such as 127.0.0.1 or 0.0.0.0 (set PUBLIC_URL to say how carriers reach this gateway)',
  };
}

/** `inf` or a count of tokens. */
export function tokenLimit(max: number): Kind<number | 'inf'> {
  return {
    schema: z.union([z.literal('inf'), integerSchema(1, max)]),
    expected: `inf or a whole number from 1 to ${max}`,
  };
}

/** Text, of one shape where that is given, in which some words (and, where it is listed, the empty value) mean "without". */
export function textOrWithout(
  without: readonly string[],
  expected: string,
  shape?: RegExp,
): Kind<string | undefined> {
  const schema = z
    .string()
    .refine((value) => without.includes(value) || shape?.test(value) !== false)
    .transform((value) => (without.includes(value) ? undefined : value));
  return { schema, expected };
}

/** One of the values, or `none`. */
export function oneOfOrNone<const T extends string>(values: readonly [T, ...T[]]): Kind<T | undefined> {
  const schema = z
    .enum([...values, 'none'])
    .transform((value): T | undefined => values.find((each) => each === value));
  return { schema, expected: alternatives([...values, 'none']) };
}

/** Words that stand for networks. */
export const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: [
    '127.0.0.0/8',
    '::1/128',
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    'fc00::/7',
    'fe80::/10',
  ],
  any: ['0.0.0.0/0', '::/0'],
};

/** Addresses and networks in CIDR notation; the named ones are spelled out. */
export function networks(): Kind<readonly string[]> {
  const item = z.string().refine((value) => Object.hasOwn(namedNetworks, value) || isNetwork(value));
  return {
    schema: listSchema(item).transform((given) => given.flatMap((each) => namedNetworks[each] ?? [each])),
    expected: 'loopback, private, any, addresses or networks such as 10.0.0.0/8, divided by commas',
  };
}

/** A secret that is written in base64. */
export function secretBytes(): Kind<string> {
  const schema = z.string().regex(/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
  return { schema, expected: 'a secret in base64' };
}

function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function integerSchema(min: number, max: number): z.ZodType<number, string> {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.number().int().min(min).max(max));
}

function listSchema<T>(item: z.ZodType<T, string>): z.ZodType<readonly T[], string> {
  return z
    .string()
    .transform((value) =>
      [...new Set(value.split(',').map((part) => part.trim()))].filter((part) => part !== ''),
    )
    .pipe(z.array(item));
}

function isPlainUrl(value: string, protocols: readonly string[]): boolean {
  const parsed = URL.parse(value);
  if (!parsed) return false;
  if (!protocols.includes(parsed.protocol.slice(0, -1))) return false;
  return parsed.username === '' && parsed.password === '';
}

function alternatives(values: readonly string[]): string {
  if (values.length < 2) return values.join('');
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}
