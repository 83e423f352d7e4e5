import { messageOf, PatchcordError } from '../base/errors.ts';

/** Throws PATCHCORD_CONFIG_INVALID for what is no port; 0 takes any free one. */
export function portOf(option: string, value: string): number {
  const port = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new PatchcordError(
    'PATCHCORD_CONFIG_INVALID',
    `--${option} is a port from 0 to 65535, not '${value}'`,
  );
}

/** Listens where an option says. Throws PATCHCORD_CONFIG_INVALID, which names the option, where that is not possible. */
export async function listenAt<T>(option: string, port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (thrown) {
    const isTaken = thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';
    const why = isTaken ? 'another program listens there; give another port' : messageOf(thrown);
    const message = `--${option}: cannot listen on port ${port}: ${why}`;
    throw new PatchcordError('PATCHCORD_CONFIG_INVALID', message, { option }, thrown);
  }
}
