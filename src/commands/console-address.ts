import { everyInterface, isLoopback, peerAddress } from './own-network.ts';

export interface ConsoleAddress {
  readonly publicUrl: string | undefined;
  /** What the gateway is bound to. */
  readonly host: string;
  readonly port: number;
  /** Made at this start. */
  readonly key: string;
}

/** Where the console is and who needs the key, in a line. An address that reaches nobody is not told. */
export function consoleLine({ publicUrl, host, port, key }: ConsoleAddress): string {
  const local = isLoopback(host);
  const free = local || everyInterface.includes(host);
  const here = 'From this machine the console needs no key.';
  if (local && publicUrl === undefined) {
    return `${here} Through a proxy or a tunnel (nothing else reaches HOST ${host}) add this to its address: /?key=${key}`;
  }
  const address = `${publicUrl ?? `http://${peerAddress(host, port)}`}/?key=${key}`;
  return free ? `${here} From elsewhere: ${address}` : `The console: ${address}`;
}
