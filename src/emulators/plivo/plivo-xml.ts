import { type AudioFormat, pcm16At, pcmu8k } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';
import { readXml, type XmlElement } from '../phone/xml.ts';

export interface StreamElement {
  readonly verb: 'stream';
  readonly url: string;
  readonly bidirectional: boolean;
  readonly keepCallAlive: boolean;
  readonly format: AudioFormat;
  readonly timeoutMs: number;
  readonly statusCallbackUrl: string | undefined;
  readonly statusCallbackMethod: 'POST' | 'GET';
  /** `k1=v1,k2=v2`; empty without. */
  readonly extraHeaders: string;
}

/** What the fake executes of Plivo's XML; everything else that Plivo knows is `noted`, the rest is `unknown`. */
export type PlivoVerb =
  | StreamElement
  | { readonly verb: 'speak'; readonly text: string }
  | { readonly verb: 'wait'; readonly lengthMs: number }
  | { readonly verb: 'redirect'; readonly url: string; readonly method: 'POST' | 'GET' }
  | { readonly verb: 'hangup'; readonly reason: 'rejected' | 'busy' | undefined }
  | { readonly verb: 'dial'; readonly numbers: readonly string[] }
  | { readonly verb: 'noted'; readonly name: string }
  | { readonly verb: 'unknown'; readonly name: string };

const knownVerbs = new Set(
  'Conference DTMF GetDigits GetInput Message MultiPartyCall Play PreAnswer Record'.split(' '),
);
const contentTypes: ReadonlyMap<string, AudioFormat> = new Map([
  ['audio/x-l16;rate=8000', pcm16At(8000)],
  ['audio/x-l16;rate=16000', pcm16At(16_000)],
  ['audio/x-mulaw;rate=8000', pcmu8k],
]);
const maxExtraHeaderBytes = 512;
const defaultTimeoutS = 86_400;

/**
 * Reads the XML that an answer URL gives (Plivo, "XML", and "Audio streaming", section "The Stream element"). Throws
 * PATCHCORD_MESSAGE_MALFORMED when it is not XML, not a `<Response>`, or an element lacks what it needs.
 */
export function readPlivoXml(text: string): PlivoVerb[] {
  const root = readXml(text);
  if (root.name !== 'Response') fail(`the root is <${root.name}>, not <Response>`);
  return root.children.map(readVerb);
}

function readVerb(element: XmlElement): PlivoVerb {
  const { attributes } = element;
  switch (element.name) {
    case 'Stream':
      return readStream(element);
    case 'Speak':
      return { verb: 'speak', text: element.text };
    case 'Wait':
      return { verb: 'wait', lengthMs: readSeconds(attributes.length, 1) * 1000 };
    case 'Redirect':
      if (element.text === '') fail('<Redirect> without a URL');
      return { verb: 'redirect', url: element.text, method: attributes.method === 'GET' ? 'GET' : 'POST' };
    case 'Hangup': {
      const { reason } = attributes;
      return { verb: 'hangup', reason: reason === 'rejected' || reason === 'busy' ? reason : undefined };
    }
    case 'Dial':
      return { verb: 'dial', numbers: element.children.map((child) => child.text) };
    default:
      return { verb: knownVerbs.has(element.name) ? 'noted' : 'unknown', name: element.name };
  }
}

/** The address is the element's text. With `bidirectional`, only the inbound track can be streamed. */
function readStream({ attributes, text }: XmlElement): StreamElement {
  if (text === '') fail('<Stream> without an address');
  const { contentType = 'audio/x-l16;rate=8000', audioTrack, extraHeaders = '' } = attributes;
  const format = contentTypes.get(contentType);
  if (format === undefined) fail(`<Stream> with contentType ${contentType}`);
  const bidirectional = readBoolean('bidirectional', attributes.bidirectional);
  if (bidirectional && audioTrack !== undefined && audioTrack !== 'inbound') {
    fail(`audioTrack ${audioTrack} in a bidirectional stream`);
  }
  checkExtraHeaders(extraHeaders);
  return {
    verb: 'stream',
    url: text,
    bidirectional,
    keepCallAlive: readBoolean('keepCallAlive', attributes.keepCallAlive),
    format: format as AudioFormat,
    timeoutMs: readSeconds(attributes.streamTimeout, defaultTimeoutS) * 1000,
    statusCallbackUrl: attributes.statusCallbackUrl,
    statusCallbackMethod: attributes.statusCallbackMethod === 'GET' ? 'GET' : 'POST',
    extraHeaders,
  };
}

/** `k1=v1,k2=v2`, 512 bytes at most, letters and digits alone in keys and values. */
function checkExtraHeaders(text: string): void {
  if (text === '') return;
  if (Buffer.byteLength(text) > maxExtraHeaderBytes) fail('extraHeaders are longer than 512 bytes');
  if (!/^[A-Za-z0-9]+=[A-Za-z0-9]*(,[A-Za-z0-9]+=[A-Za-z0-9]*)*$/.test(text)) {
    fail('extraHeaders are k1=v1,k2=v2 of letters and digits');
  }
}

function readBoolean(name: string, text: string | undefined): boolean {
  if (text !== undefined && text !== 'true' && text !== 'false')
    fail(`${name} is true or false, not ${text}`);
  return text === 'true';
}

function readSeconds(text: string | undefined, standard: number): number {
  const seconds = text === undefined ? standard : Number(text);
  if (!Number.isFinite(seconds) || seconds <= 0) fail('a length that is no positive number');
  return seconds;
}

function fail(why: string): never {
  throw new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', `Plivo XML: ${why}`);
}
