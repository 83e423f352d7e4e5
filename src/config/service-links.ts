/**
 * Kubernetes tells a pod of every service beside it, in variables that begin with the service's name: one that is named
 * `patchcord` gives `PATCHCORD_PORT=tcp://10.0.0.1:5050`, one named `avr` gives `AVR_PORT`.
 * Source: Kubernetes documentation, "Service", environment variables.
 */
const linkName =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const linkAddress = /^(?:tcp|udp|sctp):\/\//;

export function isServiceLink(name: string, value = ''): boolean {
  return linkName.test(name) || isServiceAddress(name, value);
}

/** The one of these variables that has the name of a setting of ours, and cannot be meant as one. */
export function isServiceAddress(name: string, value: string): boolean {
  return name.endsWith('_PORT') && linkAddress.test(value);
}
