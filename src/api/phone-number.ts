/**
 * Prefixes of numbers that cost the caller much more than their country: international shared-cost and premium
 * services and satellite networks (ITU-T E.164 list of assigned codes), and national premium ranges (NANPA 900; Ofcom
 * 070, 09; BNetzA 0900; ARCEP 089; and their peers). An aid against toll fraud, not a complete list.
 */
const costlyPrefixes: readonly string[] = [
  '+808',
  '+870',
  '+878',
  '+881',
  '+882',
  '+883',
  '+979',
  '+1900',
  '+31900',
  '+31906',
  '+31909',
  '+3389',
  '+34803',
  '+34806',
  '+34807',
  '+3989',
  '+41900',
  '+41901',
  '+41906',
  '+43900',
  '+43930',
  '+4470',
  '+449',
  '+46900',
  '+46939',
  '+46944',
  '+49900',
];

/**
 * The number in E.164, `+` and 7 to 15 digits, or undefined. Blanks, dashes, dots and brackets between the digits are
 * dropped; anything else (a trunk 0, a 00, an extension, letters) is refused, as it could mean another number.
 */
export function e164(text: string): string | undefined {
  const number = text.trim().replace(/(?<=.)[ \u00a0().-]/g, '');
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : undefined;
}

/** Whether a prefix of the list covers the number; costly numbers only by a prefix that is about them. */
export function isCovered(number: string, prefixes: readonly string[]): boolean {
  const costly = costlyPrefixes.find((prefix) => number.startsWith(prefix));
  return prefixes.some(
    (prefix) =>
      prefix !== '' && number.startsWith(prefix) && (costly === undefined || prefix.startsWith(costly)),
  );
}
