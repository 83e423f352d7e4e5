import type { Kind } from './kinds.ts';

/** One setting: the typed value, the docs and the error messages all come from this declaration. */
export interface Setting<T> {
  /** The environment variable, then the names it is also known by. The first that is set wins. */
  readonly names: readonly [string, ...string[]];
  readonly kind: Kind<T>;
  /** As it would be written in the environment. */
  readonly default: string | undefined;
  /** What holds when there is no default and nothing is set. */
  readonly unset: string;
  readonly unit: string | undefined;
  /** The value is never shown. */
  readonly secret: boolean;
  /** `NAME=` (empty) is a value and not the same as leaving it out. */
  readonly emptyIsValue: boolean;
  readonly description: string;
}

interface Declaration {
  readonly names: readonly [string, ...string[]];
  readonly unset?: string;
  readonly unit?: string;
  readonly secret?: boolean;
  readonly emptyIsValue?: boolean;
  readonly description: string;
}

export function setting<T>(
  kind: Kind<T>,
  declaration: Declaration & { readonly default: string },
): Setting<T>;
export function setting<T>(kind: Kind<T>, declaration: Declaration): Setting<T | undefined>;
export function setting<T>(
  kind: Kind<T>,
  declaration: Declaration & { readonly default?: string },
): Setting<T> {
  return {
    names: declaration.names,
    kind,
    default: declaration.default,
    unset: declaration.unset ?? 'none',
    unit: declaration.unit,
    secret: declaration.secret ?? false,
    emptyIsValue: declaration.emptyIsValue ?? false,
    description: declaration.description,
  };
}
