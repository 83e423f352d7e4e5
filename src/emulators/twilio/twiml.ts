import { PatchcordError } from '../../base/errors.ts';
import { readXml, type XmlElement } from '../phone/xml.ts';

/** What the fake executes of TwiML; everything else that Twilio knows is `noted`, the rest is `unknown`. */
export type TwimlVerb =
  | {
      readonly verb: 'connect';
      readonly url: string;
      readonly name: string | undefined;
      readonly action: string | undefined;
      readonly parameters: Readonly<Record<string, string>>;
      readonly statusCallback: string | undefined;
    }
  | { readonly verb: 'say'; readonly text: string }
  | { readonly verb: 'pause'; readonly lengthMs: number }
  | { readonly verb: 'reject'; readonly reason: 'rejected' | 'busy' }
  | { readonly verb: 'redirect'; readonly url: string }
  | { readonly verb: 'hangup' }
  | { readonly verb: 'noted'; readonly name: string }
  | { readonly verb: 'unknown'; readonly name: string };

const knownVerbs = new Set('Dial Echo Enqueue Gather Leave Play Record Refer Sms Start Stop'.split(' '));

/**
 * Reads a TwiML document (Twilio, "TwiML for Programmable Voice"; `<Connect><Stream>`: "TwiML Voice: Stream").
 * Throws PATCHCORD_MESSAGE_MALFORMED when it is not XML, not a `<Response>`, or a verb lacks what it needs.
 */
export function readTwiml(text: string): TwimlVerb[] {
  const root = readXml(text);
  if (root.name !== 'Response') fail(`the root is <${root.name}>, not <Response>`);
  return root.children.map(readVerb);
}

function readVerb(element: XmlElement): TwimlVerb {
  switch (element.name) {
    case 'Connect':
      return readConnect(element);
    case 'Say':
      return { verb: 'say', text: element.text };
    case 'Pause':
      return { verb: 'pause', lengthMs: readSeconds(element.attributes.length) * 1000 };
    case 'Reject':
      return { verb: 'reject', reason: element.attributes.reason === 'busy' ? 'busy' : 'rejected' };
    case 'Redirect':
      if (element.text === '') fail('<Redirect> without a URL');
      return { verb: 'redirect', url: element.text };
    case 'Hangup':
      return { verb: 'hangup' };
    default:
      return { verb: knownVerbs.has(element.name) ? 'noted' : 'unknown', name: element.name };
  }
}

function readConnect(element: XmlElement): TwimlVerb {
  const streams = element.children.filter((child) => child.name === 'Stream');
  const [stream] = streams;
  if (stream === undefined) return { verb: 'noted', name: 'Connect' };
  if (streams.length > 1) fail('a call has one bidirectional stream, not several');
  const url = stream.attributes.url;
  if (url === undefined || url === '') fail('<Stream> without a url');
  const track = stream.attributes.track;
  if (track !== undefined && track !== 'inbound_track') fail(`track ${track} is not for <Connect>`);
  return {
    verb: 'connect',
    url: url as string,
    name: stream.attributes.name,
    action: element.attributes.action,
    parameters: readParameters(stream),
    statusCallback: stream.attributes.statusCallback,
  };
}

function readParameters(stream: XmlElement): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  for (const child of stream.children) {
    if (child.name !== 'Parameter') fail(`<${child.name}> inside <Stream>`);
    const { name, value } = child.attributes;
    if (name === undefined || name === '' || value === undefined) fail('<Parameter> without name or value');
    parameters[name as string] = value as string;
  }
  return parameters;
}

function readSeconds(text: string | undefined): number {
  const seconds = text === undefined ? 1 : Number(text);
  if (!Number.isFinite(seconds) || seconds < 0) fail('<Pause> with a length that is no number');
  return seconds;
}

function fail(why: string): never {
  throw new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', `TwiML: ${why}`);
}
