import type { TransferTarget } from '../../call/leg.ts';
import { element, type Xml, xmlDocument } from '../xml.ts';

/** Plivo XML, as in its documentation of the elements `<Stream>`, `<Speak>`, `<Hangup>` and `<Dial>`. */
function response(...elements: Xml[]): string {
  return xmlDocument(element('Response', {}, ...elements));
}

const hangUp = element('Hangup', {});

export interface StreamAnswer {
  /** `wss://...`; its query may hold the token too. */
  readonly url: string;
  /** Letters and digits alone: `extraHeaders` allows nothing else. */
  readonly token: string;
  readonly contentType: string;
  readonly statusCallbackUrl: string;
}

/** Kept alive, the stream runs alone; `<Hangup>` runs when it ends. */
export function streamAnswer({ url, token, contentType, statusCallbackUrl }: StreamAnswer): string {
  const attributes = {
    bidirectional: 'true',
    keepCallAlive: 'true',
    audioTrack: 'inbound',
    contentType,
    statusCallbackUrl,
    statusCallbackMethod: 'POST',
    extraHeaders: `token=${token}`,
  };
  return response(element('Stream', attributes, url), hangUp);
}

export function refuseAnswer(sentence: string): string {
  return response(element('Speak', {}, sentence), hangUp);
}

export function hangUpAnswer(): string {
  return response(hangUp);
}

/** Nothing to do: the answer to a report. */
export function emptyAnswer(): string {
  return response();
}

/** Dials `target` in place of the agent; undefined when it is neither an E.164 number nor a SIP address. */
export function dialAnswer(target: TransferTarget): string | undefined {
  const callee = calleeOf(target.to);
  const callerId = target.callerId?.replace(/^\+/, '');
  return callee && response(element('Dial', { callerId }, callee), hangUp);
}

function calleeOf(to: string): Xml | undefined {
  if (/^\+[1-9]\d{1,14}$/.test(to)) return element('Number', {}, to.slice(1));
  return /^sip:[^\s<>]{1,255}$/i.test(to) ? element('User', {}, to) : undefined;
}
