import { asSet, type CarrierCheck, publicSocketAddress } from './carrier-check.ts';
import { type Finding, ok, warn } from './finding.ts';

/** docs/carriers/genesys.md, "Connect a flow". */
const minSecretBytes = 32;

/** Genesys has no API that could be asked with what is set here: its connection probe is the test. */
export const checkGenesys: CarrierCheck = async ({ settings }) => {
  const { apiKey, clientSecret } = settings.genesys;
  const { publicUrl } = settings.server;
  if (apiKey === undefined) return [];
  const findings: Finding[] = [
    ok(
      asSet(
        `Genesys Cloud may call in, with its API key${clientSecret === undefined ? ' alone' : ' and signature'}`,
      ),
      `the integration's Base Connection URI is ${publicSocketAddress(publicUrl, '/audiohook/')}`,
    ),
  ];
  const secretBytes = clientSecret === undefined ? undefined : Buffer.from(clientSecret, 'base64').length;
  if (secretBytes !== undefined && secretBytes < minSecretBytes) {
    findings.push(
      warn(
        `GENESYS_CLIENT_SECRET has ${secretBytes} bytes`,
        `make one of ${minSecretBytes} (openssl rand -base64 ${minSecretBytes}) and enter it in the integration too`,
      ),
    );
  }
  if (publicUrl === undefined && clientSecret !== undefined) {
    findings.push(
      warn(
        'PUBLIC_URL is not set: signatures of Genesys are checked against the Host header',
        'set it where a proxy changes that',
      ),
    );
  }
  return findings;
};
