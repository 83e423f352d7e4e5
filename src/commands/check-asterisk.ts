import type { Settings } from '../config/schema.ts';
import { asSet, type CarrierCheck, publicSocketAddress } from './carrier-check.ts';
import { ok, warn } from './finding.ts';
import { hostFindings, peerAddress, whoMay } from './own-network.ts';

/** AudioSocket: where the dialplan is to lead, and whose calls are taken. */
export const checkAudioSocket: CarrierCheck = async ({ settings, env }) => {
  const { audioSocketPort: port, audioSocketAllow } = settings.asterisk;
  const { host } = settings.server;
  if (port === undefined) {
    if (!env.AUDIOSOCKET_ALLOW?.trim()) return [];
    const what = 'AUDIOSOCKET_ALLOW is set and AUDIOSOCKET_PORT is not, so there is no AudioSocket';
    return [warn(what, 'set AUDIOSOCKET_PORT, such as 9092')];
  }
  const address = peerAddress(host, port, audioSocketAllow);
  return [
    ok(
      asSet(`AudioSocket takes calls ${whoMay(audioSocketAllow)}, and those that are announced`),
      `in the dialplan: Set(CALL=\${UUID()}), then AudioSocket(\${CALL},${address})`,
    ),
    ...hostFindings('AUDIOSOCKET_ALLOW', audioSocketAllow, host),
  ];
};

/** The WebSocket channel: what websocket_client.conf is to say. Its password is not shown. */
export const checkAsteriskWebSocket: CarrierCheck = async ({ settings }) => {
  // Of the two settings neither comes without the other: the start would stop.
  if (settings.asterisk.wsUsername === undefined) return [];
  const found = ok(
    asSet("Asterisk's WebSocket channel may connect with its user name and password"),
    'in websocket_client.conf:',
  );
  return [{ ...found, lines: clientConfig(settings) }];
};

function clientConfig({ asterisk, server }: Settings): string[] {
  const { publicUrl, host, port } = server;
  const uri =
    publicUrl === undefined
      ? `ws://${peerAddress(host, port)}/asterisk`
      : publicSocketAddress(publicUrl, '/asterisk');
  const tls = uri.startsWith('wss:');
  return [
    '[gateway]',
    'type = websocket_client',
    'connection_type = per_call_config',
    `uri = ${uri}`,
    'protocols = media',
    `username = ${asterisk.wsUsername}`,
    'password = the value of ASTERISK_WS_PASSWORD',
    `tls_enabled = ${tls ? 'yes' : 'no'}`,
    ...(tls ? ['ca_list_file = /etc/ssl/certs/ca-certificates.crt'] : []),
  ];
}
