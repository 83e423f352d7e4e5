import { namedNetworks } from '../config/kinds.ts';
import { type Finding, ok, warn } from './finding.ts';

export const everyInterface: readonly string[] = ['0.0.0.0', '::'];

/** How peers that are let in reach a port of ours. */
export function peerAddress(host: string, port: number, networks?: readonly string[]): string {
  const elsewhere = networks === undefined || !networks.every(isOfThisMachine);
  const everywhere = elsewhere ? 'ADDRESS-OF-THIS-MACHINE' : '127.0.0.1';
  const name = everyInterface.includes(host) ? everywhere : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port === 0 ? 'PORT' : port}`;
}

/** Networks in the words of the settings. */
export function whoMay(networks: readonly string[]): string {
  const words: readonly [name: string, what: string][] = [
    ['any', 'from anywhere'],
    ['private', 'from this machine and private networks'],
    ['loopback', 'from this machine alone'],
  ];
  for (const [name, what] of words) {
    const named = namedNetworks[name] ?? [];
    if (named.length === networks.length && named.every((each) => networks.includes(each))) return what;
  }
  return networks.length === 0 ? 'from nowhere' : `from ${networks.join(', ')}`;
}

/** Where HOST and the setting that names the peers do not agree on who they are. */
export function hostFindings(setting: string, networks: readonly string[], host: string): Finding[] {
  const local = networks.every(isOfThisMachine);
  if (isLoopback(host) && !local) {
    const what = `${setting} lets in other machines, which cannot reach HOST ${host}`;
    return [warn(what, 'set HOST to 0.0.0.0 or to an address of the private network')];
  }
  if (everyInterface.includes(host) && local) {
    const what = `${setting} lets in this machine alone, though HOST is ${host}`;
    return [ok(what, `other machines and containers need ${setting}=private, or their addresses`)];
  }
  return [];
}

function isOfThisMachine(network: string): boolean {
  return namedNetworks.loopback?.includes(network) === true || isLoopback(network);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
