import { createHmac } from 'node:crypto';

/** Form fields in the order they are sent; a name may come more than once. */
export type FormFields = readonly (readonly [name: string, value: string])[];

/**
 * `X-Twilio-Signature` of a form-encoded webhook, as Twilio makes it.
 * Twilio, "Webhooks security": HMAC-SHA1 with the auth token over the full URL followed by every POST field,
 * sorted by name, name and value without separators; repeated names have distinct, sorted values.
 */
export function signWebhook(authToken: string, url: string, fields: FormFields = []): string {
  const names = [...new Set(fields.map(([name]) => name))].sort();
  let signed = url;
  for (const name of names) {
    const values = new Set(fields.filter(([other]) => other === name).map(([, value]) => value));
    for (const value of [...values].sort()) signed += name + value;
  }
  return createHmac('sha1', authToken).update(signed, 'utf8').digest('base64');
}

/** `X-Twilio-Signature` of the WebSocket upgrade: the stream's public URL (`wss://...`) and no fields. */
export function signUpgrade(authToken: string, url: string): string {
  return signWebhook(authToken, url);
}
