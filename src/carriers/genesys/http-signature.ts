/**
 * HTTP Message Signatures (draft-ietf-httpbis-message-signatures-11, which became RFC 9421), as far as AudioHook
 * needs them, over Structured Fields (RFC 8941). Nothing in here throws.
 */

/** RFC 8941, section 3.3: a bare item. */
type BareItem = string | number | boolean | Buffer | { readonly token: string };

export type Parameters = ReadonlyMap<string, BareItem>;

export interface MessageSignature {
  /** Covered components, in the order in which they were signed. */
  readonly components: readonly string[];
  readonly parameters: Parameters;
  readonly signature: Buffer;
}

interface Item {
  readonly value: BareItem;
  readonly parameters: Parameters;
}

interface InnerList {
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}

type Member = Item | InnerList;

/**
 * The first signature of a request; undefined where there is none, or where the headers are not what sections 4.1
 * and 4.2 of the draft allow. Components with parameters of their own are not taken.
 */
export function readSignature(
  signatureInput: string | undefined,
  signature: string | undefined,
): MessageSignature | undefined {
  const inputs = new FieldReader(signatureInput ?? '').dictionary();
  const signatures = new FieldReader(signature ?? '').dictionary();
  const [first] = inputs ?? [];
  if (first === undefined || signatures === undefined) return undefined;
  const [label, input] = first;
  const given = signatures.get(label);
  if (!('items' in input) || given === undefined || 'items' in given) return undefined;
  if (!Buffer.isBuffer(given.value)) return undefined;
  const components: string[] = [];
  for (const { value, parameters } of input.items) {
    if (typeof value !== 'string' || parameters.size > 0 || components.includes(value)) return undefined;
    components.push(value);
  }
  return { components, parameters: input.parameters, signature: given.value };
}

/**
 * What was signed: a line for each component, and the signature's parameters, written anew from what was read. Draft,
 * section 2.3. Undefined where a component has no value.
 */
export function signatureBase(
  { components, parameters }: MessageSignature,
  lookUp: (component: string) => string | undefined,
): string | undefined {
  const lines: string[] = [];
  for (const component of components) {
    const value = lookUp(component);
    if (value === undefined) return undefined;
    lines.push(`${written(component)}: ${value}`);
  }
  lines.push(`"@signature-params": (${components.map(written).join(' ')})${writtenParameters(parameters)}`);
  return lines.join('\n');
}

/** RFC 8941, section 4.1.1.2. */
function writtenParameters(parameters: Parameters): string {
  let text = '';
  for (const [key, value] of parameters) text += value === true ? `;${key}` : `;${key}=${written(value)}`;
  return text;
}

/** RFC 8941, section 4.1.3.1. */
function written(value: BareItem): string {
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? '?1' : '?0';
  return Buffer.isBuffer(value) ? `:${value.toString('base64')}:` : value.token;
}

/** RFC 8941, section 4.2. Each method reads one thing at the present place; undefined: it is not there. */
class FieldReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trim();
  }

  /** Section 4.2.2, the whole field. A key that comes twice is not taken. */
  dictionary(): Map<string, Member> | undefined {
    const members = new Map<string, Member>();
    if (this.#text === '') return members;
    do {
      this.#match(/[ \t]*/y);
      const key = this.#key();
      if (key === undefined || members.has(key)) return undefined;
      const member = this.#match(/=/y) === undefined ? this.#flag() : this.#member();
      if (member === undefined) return undefined;
      members.set(key, member);
      this.#match(/[ \t]*/y);
    } while (this.#match(/,/y) !== undefined);
    return this.#at === this.#text.length ? members : undefined;
  }

  #flag(): Item | undefined {
    const parameters = this.#parameters();
    return parameters && { value: true, parameters };
  }

  #member(): Member | undefined {
    return this.#text[this.#at] === '(' ? this.#innerList() : this.#item();
  }

  /** Section 4.2.1.2. */
  #innerList(): InnerList | undefined {
    this.#at += 1;
    const items: Item[] = [];
    for (;;) {
      const gap = this.#match(/ */y);
      if (this.#match(/\)/y) !== undefined) break;
      if (items.length > 0 && gap === '') return undefined;
      const item = this.#item();
      if (item === undefined) return undefined;
      items.push(item);
    }
    const parameters = this.#parameters();
    return parameters && { items, parameters };
  }

  #item(): Item | undefined {
    const value = this.#bareItem();
    if (value === undefined) return undefined;
    const parameters = this.#parameters();
    return parameters && { value, parameters };
  }

  /** Section 4.2.3.2. A key that comes twice is not taken. */
  #parameters(): Map<string, BareItem> | undefined {
    const parameters = new Map<string, BareItem>();
    while (this.#match(/; */y) !== undefined) {
      const key = this.#key();
      if (key === undefined || parameters.has(key)) return undefined;
      const value = this.#match(/=/y) === undefined ? true : this.#bareItem();
      if (value === undefined) return undefined;
      parameters.set(key, value);
    }
    return parameters;
  }

  #key(): string | undefined {
    return this.#match(/[a-z*][a-z0-9_.*-]*/y);
  }

  /** Section 4.2.3.1, without decimals. */
  #bareItem(): BareItem | undefined {
    const text = this.#match(/"(?:[ !#-[\]-~]|\\["\\])*"/y);
    if (text !== undefined) return text.slice(1, -1).replace(/\\(.)/g, '$1');
    const bytes = this.#match(/:[A-Za-z0-9+/]*={0,2}:/y);
    if (bytes !== undefined) return Buffer.from(bytes.slice(1, -1), 'base64');
    const integer = this.#match(/-?\d{1,15}(?![\d.])/y);
    if (integer !== undefined) return Number(integer);
    const flag = this.#match(/\?[01]/y);
    if (flag !== undefined) return flag === '?1';
    const token = this.#match(/[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*/y);
    return token === undefined ? undefined : { token };
  }

  /** `pattern` is sticky; what it matches is stepped over. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
