import type { TransferTarget } from '../../call/leg.ts';
import { element, type Xml, xmlDocument } from '../xml.ts';

/** TwiML, as in Twilio's documentation of the verbs `<Connect>`, `<Stream>`, `<Say>`, `<Hangup>` and `<Dial>`. */
function twiml(...verbs: Xml[]): string {
  return xmlDocument(element('Response', {}, ...verbs));
}

const hangUp = element('Hangup', {});

/** Query strings of a stream's address never arrive, so the token is a parameter. `<Hangup>` runs when the stream ends. */
export function connectTwiml(streamUrl: string, token: string): string {
  const parameter = element('Parameter', { name: 'token', value: token });
  return twiml(element('Connect', {}, element('Stream', { url: streamUrl }, parameter)), hangUp);
}

export function refuseTwiml(sentence: string): string {
  return twiml(element('Say', {}, sentence), hangUp);
}

export function hangUpTwiml(): string {
  return twiml(hangUp);
}

/** Nothing to do: the answer to a report. */
export function emptyTwiml(): string {
  return twiml();
}

/** Dials `target` in place of the agent; undefined when it is neither an E.164 number nor a SIP address. */
export function transferTwiml(target: TransferTarget): string | undefined {
  const callee = calleeOf(target.to);
  return callee && twiml(element('Dial', { callerId: target.callerId }, callee), hangUp);
}

function calleeOf(to: string): Xml | undefined {
  if (/^\+[1-9]\d{1,14}$/.test(to)) return element('Number', {}, to);
  return /^sips?:[^\s<>]{1,255}$/i.test(to) ? element('Sip', {}, to) : undefined;
}
