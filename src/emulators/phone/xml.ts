import { PatchcordError } from '../../base/errors.ts';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The element's own text, without that of its children, trimmed. */
  readonly text: string;
}

const maxDepth = 20;
const maxElements = 5_000;
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Reads one XML document the strict way (XML 1.0, sections 2.1 to 2.8 and 3.1): one root, every tag closed,
 * quoted and unique attributes, known entities. Document types are refused, as they should be from a stranger.
 * Throws PATCHCORD_MESSAGE_MALFORMED with the offset.
 */
export function readXml(text: string): XmlElement {
  return new XmlReader(text).document();
}

class XmlReader {
  readonly #text: string;
  #at = 0;
  #elements = 0;

  constructor(text: string) {
    this.#text = text.startsWith('\uFEFF') ? text.slice(1) : text;
  }

  document(): XmlElement {
    if (this.#text.startsWith('<?xml')) this.#skipPast('?>');
    this.#skipMisc();
    const root = this.#element(0);
    this.#skipMisc();
    if (this.#at < this.#text.length) this.#fail('something after the root element');
    return root;
  }

  #element(depth: number): XmlElement {
    if (depth > maxDepth) this.#fail('nested too deep');
    this.#elements += 1;
    if (this.#elements > maxElements) this.#fail('too many elements');
    this.#expect('<');
    const name = this.#name();
    const attributes = this.#attributes();
    if (this.#take('/>')) return { name, attributes, children: [], text: '' };
    this.#expect('>');
    const children: XmlElement[] = [];
    let text = '';
    for (;;) {
      if (this.#at >= this.#text.length) this.#fail(`<${name}> is not closed`);
      if (this.#take('</')) break;
      if (this.#take('<!--')) this.#skipPast('-->');
      else if (this.#take('<![CDATA[')) text += this.#until(']]>');
      else if (this.#take('<?')) this.#skipPast('?>');
      else if (this.#text[this.#at] === '<') children.push(this.#element(depth + 1));
      else text += this.#characters();
    }
    if (this.#name() !== name) this.#fail(`<${name}> is closed by another name`);
    this.#skipSpace();
    this.#expect('>');
    return { name, attributes, children, text: text.trim() };
  }

  #attributes(): Record<string, string> {
    const attributes: Record<string, string> = Object.create(null);
    for (;;) {
      const spaced = this.#skipSpace();
      const next = this.#text[this.#at];
      if (next === '>' || next === '/' || next === undefined) return attributes;
      if (!spaced) this.#fail('no space before an attribute');
      const name = this.#name();
      this.#skipSpace();
      this.#expect('=');
      this.#skipSpace();
      const quote = this.#text[this.#at];
      if (quote !== '"' && quote !== "'") this.#fail('an attribute without quotes');
      this.#at += 1;
      const raw = this.#until(quote as string);
      if (raw.includes('<')) this.#fail('< in an attribute');
      if (name in attributes) this.#fail(`attribute ${name} comes twice`);
      attributes[name] = this.#decode(raw);
    }
  }

  #characters(): string {
    const end = this.#text.indexOf('<', this.#at);
    const raw = this.#text.slice(this.#at, end === -1 ? this.#text.length : end);
    this.#at += raw.length;
    return this.#decode(raw);
  }

  #decode(raw: string): string {
    let decoded = '';
    let from = 0;
    for (let at = raw.indexOf('&'); at !== -1; at = raw.indexOf('&', from)) {
      const end = raw.indexOf(';', at);
      if (end === -1) this.#fail('& without an entity');
      decoded += raw.slice(from, at) + this.#entity(raw.slice(at + 1, end));
      from = end + 1;
    }
    return decoded + raw.slice(from);
  }

  #entity(name: string): string {
    if (Object.hasOwn(entities, name)) return entities[name] as string;
    const hexadecimal = name.startsWith('#x');
    const digits = name.slice(hexadecimal ? 2 : 1);
    const code =
      name.startsWith('#') && digits !== '' ? Number(hexadecimal ? `0x${digits}` : digits) : Number.NaN;
    const surrogate = code >= 0xd800 && code <= 0xdfff;
    if (!Number.isInteger(code) || code < 9 || code > 0x10ffff || surrogate) this.#fail('unknown entity');
    return String.fromCodePoint(code);
  }

  #name(): string {
    const from = this.#at;
    while (this.#at < this.#text.length && isNameCode(this.#text.charCodeAt(this.#at), this.#at === from)) {
      this.#at += 1;
    }
    if (this.#at === from) this.#fail('a name is missing');
    return this.#text.slice(from, this.#at);
  }

  #skipMisc(): void {
    for (;;) {
      this.#skipSpace();
      if (this.#take('<!--')) this.#skipPast('-->');
      else if (this.#take('<?')) this.#skipPast('?>');
      else if (this.#take('<!')) this.#fail('document types are not read');
      else return;
    }
  }

  #skipSpace(): boolean {
    const from = this.#at;
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1;
    return this.#at > from;
  }

  #skipPast(end: string): void {
    this.#until(end);
  }

  #until(end: string): string {
    const at = this.#text.indexOf(end, this.#at);
    if (at === -1) this.#fail(`${end} is missing`);
    const between = this.#text.slice(this.#at, at);
    this.#at = at + end.length;
    return between;
  }

  #take(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #expect(expected: string): void {
    if (!this.#take(expected)) this.#fail(`${expected} is missing`);
  }

  #fail(why: string): never {
    throw new PatchcordError('PATCHCORD_MESSAGE_MALFORMED', `XML at ${this.#at}: ${why}`, { at: this.#at });
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function isNameCode(code: number, first: boolean): boolean {
  const letter =
    (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code >= 0xc0;
  if (letter || code === 0x3a) return true;
  return !first && ((code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e);
}
