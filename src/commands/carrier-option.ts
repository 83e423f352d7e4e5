import { PatchcordError } from '../base/errors.ts';

/** Throws PATCHCORD_CONFIG_INVALID for what is no port; 0 takes any free one. */
export function portOf(option: string, value: string): number {
  const port = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new PatchcordError(
    'PATCHCORD_CONFIG_INVALID',
    `--${option} is a port from 0 to 65535, not '${value}'`,
  );
}
