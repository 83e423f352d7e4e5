import { silentLogger } from '../../src/base/logger.ts';
import { loadSettings } from '../../src/config/environment.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';

/** A gateway with the demo voice and its console, on a port of its own. */
export function startConsole(env: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const settings = loadSettings({ HOST: '127.0.0.1', PORT: '0', ...env });
  return startGateway({ settings, log: silentLogger });
}
