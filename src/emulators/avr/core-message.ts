/** AVR, "STS WebSocket protocol": what avr-core says. All frames are JSON text. */

/** First and once. */
export function initMessage(uuid: string, providerConfig?: object): string {
  return JSON.stringify({
    type: 'init',
    uuid,
    ...(providerConfig === undefined ? {} : { provider_config: providerConfig }),
  });
}

/** `audio`: base64 of 320 bytes. Written by hand: this is the one message that is made fifty times a second. */
export function audioMessage(audio: string): string {
  return `{"type":"audio","audio":"${audio}"}`;
}

/** avr-core from 1.9 on; the type is not `dtmf`. */
export function digitMessage(digit: string): string {
  return JSON.stringify({ type: 'dtmf_digit', digit });
}

/** Known to one fork alone. */
export const resetMessage = '{"type":"reset"}';

/**
 * Where avr-core connects to. What the dialplan gave it with `POST /call` comes as the query, from 1.12 on.
 * `STS_URL` has no path of its own in this variant.
 */
export function connectorUrl(stsUrl: string, metadata: Readonly<Record<string, string>> = {}): string {
  const url = new URL(stsUrl);
  for (const [name, value] of Object.entries(metadata)) url.searchParams.append(name, value);
  return url.href;
}
