/** What is wrong with a client's event, in the terms of the API's `error` event. */
export class EventProblem extends Error {
  readonly code: string;
  readonly param: string | null;

  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.name = 'EventProblem';
    this.code = code;
    this.param = param;
  }
}

/** Throws an `EventProblem` when `value`, found at `path`, is not what the API accepts. */
export type Check = (value: unknown, path: string) => void;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function text(maxLength = Number.POSITIVE_INFINITY): Check {
  return (value, path) => {
    if (typeof value !== 'string') throw wrongType('a string', value, path);
    if (value.length > maxLength) {
      throw new EventProblem('invalid_value', `'${path}' is longer than ${maxLength} characters.`, path);
    }
  };
}

export function number(min: number, max: number): Check {
  return (value, path) => {
    if (typeof value !== 'number') throw wrongType('a number', value, path);
    inRange(value, min, max, path);
  };
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType('an integer', value, path);
    inRange(value, min, max, path);
  };
}

export const bool: Check = (value, path) => {
  if (typeof value !== 'boolean') throw wrongType('a boolean', value, path);
};

export const anyObject: Check = (value, path) => {
  if (!isRecord(value)) throw wrongType('an object', value, path);
};

export function oneOf(...values: readonly string[]): Check {
  return (value, path) => {
    if (typeof value !== 'string') throw wrongType('a string', value, path);
    if (!values.includes(value)) throw unsupported(value, values, path);
  };
}

export function list(check: Check, minLength = 0, maxLength = 4096): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrongType('an array', value, path);
    if (value.length < minLength || value.length > maxLength) {
      const message = `Invalid length of '${path}': expected ${minLength} to ${maxLength} entries, got ${value.length}.`;
      throw new EventProblem('invalid_value', message, path);
    }
    value.forEach((entry, index) => {
      check(entry, `${path}[${index}]`);
    });
  };
}

export function nullable(check: Check): Check {
  return (value, path) => {
    if (value !== null) check(value, path);
  };
}

/** An object with these keys and no other. */
export function object(fields: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  return (value, path) => {
    if (!isRecord(value)) throw wrongType('an object', value, path);
    const prefix = path === '' ? '' : `${path}.`;
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(fields, key)) continue;
      throw new EventProblem('unknown_parameter', `Unknown parameter: '${prefix}${key}'.`, `${prefix}${key}`);
    }
    for (const key of required) {
      if (value[key] === undefined) throw missing(`${prefix}${key}`);
    }
    for (const [key, entry] of Object.entries(value)) {
      if (entry !== undefined) fields[key]?.(entry, `${prefix}${key}`);
    }
  };
}

/** An object whose `key` says which of the shapes it has. */
export function variants(key: string, shapes: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isRecord(value)) throw wrongType('an object', value, path);
    const at = path === '' ? key : `${path}.${key}`;
    const name = value[key];
    if (name === undefined) throw missing(at);
    if (typeof name !== 'string') throw wrongType('a string', name, at);
    const check = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    if (check === undefined) throw unsupported(name, Object.keys(shapes), at);
    check(value, path);
  };
}

/** A string by one rule, or anything else by another. */
export function stringOr(string: Check, other: Check): Check {
  return (value, path) => (typeof value === 'string' ? string(value, path) : other(value, path));
}

export function record(check: Check, maxEntries = 4096, maxKeyLength = 512): Check {
  return (value, path) => {
    if (!isRecord(value)) throw wrongType('an object', value, path);
    const entries = Object.entries(value);
    if (entries.length > maxEntries) {
      throw new EventProblem('invalid_value', `'${path}' has more than ${maxEntries} entries.`, path);
    }
    for (const [key, entry] of entries) {
      if (key.length > maxKeyLength) {
        throw new EventProblem('invalid_value', `A key of '${path}' is longer than ${maxKeyLength}.`, path);
      }
      check(entry, `${path}.${key}`);
    }
  };
}

export function missing(path: string): EventProblem {
  return new EventProblem('missing_required_parameter', `Missing required parameter: '${path}'.`, path);
}

export function unsupported(value: string, values: readonly string[], path: string): EventProblem {
  const supported = values.map((entry) => `'${entry}'`).join(', ');
  return new EventProblem(
    'invalid_value',
    `Invalid value: '${value.slice(0, 100)}'. Supported values are: ${supported}.`,
    path,
  );
}

function wrongType(expected: string, value: unknown, path: string): EventProblem {
  const message = `Invalid type for '${path}': expected ${expected}, but got ${describe(value)} instead.`;
  return new EventProblem('invalid_type', message, path);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function inRange(value: number, min: number, max: number, path: string): void {
  if (value >= min && value <= max) return;
  const message = `Invalid '${path}': expected a value from ${min} to ${max}, but got ${value} instead.`;
  throw new EventProblem('invalid_value', message, path);
}
