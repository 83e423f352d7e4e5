import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSignature, signatureBase } from './http-signature.ts';

const signature = 'sig1=:AQID:';

describe('a signature', () => {
  it('is read with what it covers, in order, and its parameters', () => {
    const input =
      'sig1=("@authority" "x-api-key");keyid="a\\"b\\\\";created=12;alg="hmac-sha256";x;y=?0;t=tok/en';
    const read = readSignature(input, signature);
    expect(read?.components).toEqual(['@authority', 'x-api-key']);
    expect([...(read?.parameters ?? [])]).toEqual([
      ['keyid', 'a"b\\'],
      ['created', 12],
      ['alg', 'hmac-sha256'],
      ['x', true],
      ['y', false],
      ['t', { token: 'tok/en' }],
    ]);
    expect(read?.signature).toEqual(Buffer.from([1, 2, 3]));
  });

  it('is the first of several', () => {
    const read = readSignature('b=("x");n=1, a=("y");n=2', 'a=:AQ==:,  b=:Ag==:');
    expect(read).toMatchObject({ components: ['x'], signature: Buffer.from([2]) });
  });

  it.each([
    ['no input', '', signature],
    ['no signature', 'sig1=("a")', ''],
    ['neither', undefined, undefined],
    ['the signature of another', 'sig1=("a")', 'sig2=:AQID:'],
    ['an item for a list', 'sig1="a"', signature],
    ['a list for an item', 'sig1=("a")', 'sig1=("a")'],
    ['a text for bytes', 'sig1=("a")', 'sig1="AQID"'],
    ['bytes that do not end', 'sig1=("a")', 'sig1=:AQID'],
    ['bytes that are no base64', 'sig1=("a")', 'sig1=:A*ID:'],
    ['a list that does not end', 'sig1=("a"', signature],
    ['a text that does not end', 'sig1=("a)', signature],
    ['no blank between components', 'sig1=("a""b")', signature],
    ['a component twice', 'sig1=("a" "a")', signature],
    ['a component with a parameter', 'sig1=("a";req)', signature],
    ['a component that is no text', 'sig1=(a)', signature],
    ['a parameter twice', 'sig1=("a");n=1;n=2', signature],
    ['a parameter without its value', 'sig1=("a");n=', signature],
    ['a number with a fraction', 'sig1=("a");n=1.5', signature],
    ['a label twice', 'sig1=("a"),sig1=("b")', signature],
    ['a label in capitals', 'SIG1=("a")', signature],
    ['something behind it', 'sig1=("a") x', signature],
    ['a comma at the end', 'sig1=("a"),', signature],
  ])('is none where there is %s', (_what, input, given) => {
    expect(readSignature(input, given)).toBeUndefined();
  });

  it('lets no exception out, and writes what it reads so that it reads the same: 20,000 headers', () => {
    const piece = fc.constantFrom(
      'sig1',
      '=',
      '(',
      ')',
      '"a"',
      '"@x"',
      ' ',
      ';',
      ',',
      'n',
      ':AQ==:',
      '?1',
      '12',
      '"',
      '\\',
      ':',
      '"\\""',
      'é',
      '\t',
      '-',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((pieces) => `sig1=("a")${pieces.join('')}`),
      fc
        .array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'n'), piece), { maxLength: 4 })
        .map((pairs) => `sig1=("a" "b")${pairs.map(([key, value]) => `;${key}=${value}`).join('')}`),
      fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('')),
      fc.string(),
    );
    let read = 0;
    fc.assert(
      fc.property(text, (input) => {
        const first = readSignature(input, signature);
        if (first === undefined) return;
        read += 1;
        const base = signatureBase(first, () => 'v') ?? '';
        const written = base.slice(base.lastIndexOf('"@signature-params": ') + 21);
        expect(readSignature(`sig1=${written}`, signature)).toEqual(first);
      }),
      { numRuns: 20_000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});

describe('what is signed', () => {
  const base = (input: string): string | undefined => {
    const read = readSignature(input, signature);
    return read && signatureBase(read, (name) => (name === 'none' ? undefined : `<${name}>`));
  };

  it('is a line for each component and one for the parameters, without a line break at its end', () => {
    expect(base('sig1=( "@authority"  "x-api-key" ); keyid="k";created=5;flag')).toBe(
      '"@authority": <@authority>\n"x-api-key": <x-api-key>\n' +
        '"@signature-params": ("@authority" "x-api-key");keyid="k";created=5;flag',
    );
  });

  it('is nothing where a component has no value', () => {
    expect(base('sig1=("a" "none")')).toBeUndefined();
  });
});
