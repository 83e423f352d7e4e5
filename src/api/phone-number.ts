/** Completes the name of a field that has no number. */
export const expectedNumber = 'expected a number in E.164, such as +15551230100.';

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
 * Area codes of +1 that are countries of their own (NANPA, "NPAs by country"): calls there are charged as
 * international ones and are usual targets of revenue-share fraud. The territories of the US are not among them.
 */
const otherCountriesOfNanp: readonly string[] = [
  '242', // Bahamas
  '246', // Barbados
  '264', // Anguilla
  '268', // Antigua and Barbuda
  '284', // British Virgin Islands
  '345', // Cayman Islands
  '441', // Bermuda
  '473', // Grenada
  '649', // Turks and Caicos Islands
  '658', // Jamaica
  '664', // Montserrat
  '721', // Sint Maarten
  '758', // Saint Lucia
  '767', // Dominica
  '784', // Saint Vincent and the Grenadines
  '809', // Dominican Republic
  '829', // Dominican Republic
  '849', // Dominican Republic
  '868', // Trinidad and Tobago
  '869', // Saint Kitts and Nevis
  '876', // Jamaica
];

/** The exchange 976 is pay-per-call in every area code but the toll-free ones. */
const payPerCall = /^\+1(?!8(?:00|22|33|44|55|66|77|88))[2-9]\d\d976/;

/**
 * The number in E.164, `+` and 7 to 15 digits, or undefined. Blanks, dashes, dots and brackets between the digits are
 * dropped; anything else (a trunk 0, a 00, an extension, letters) is refused, as it could mean another number.
 */
export function e164(text: string): string | undefined {
  // Written for those who read it; from abroad it is left out.
  if (/\(\s*0\s*\)/.test(text)) return undefined;
  const number = text.trim().replace(/(?<=.)[ \u00a0().-]/g, '');
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : undefined;
}

/** Whether a prefix of the list covers the number; costly numbers only by a prefix that is about them. */
export function isCovered(number: string, prefixes: readonly string[]): boolean {
  const costly = costlyRangesOf(number);
  return prefixes.some(
    (prefix) =>
      prefix !== '' && number.startsWith(prefix) && costly.every((range) => prefix.startsWith(range)),
  );
}

/** The costly ranges that the number is in, as prefixes. */
function costlyRangesOf(number: string): string[] {
  const ranges = costlyPrefixes.filter((prefix) => number.startsWith(prefix));
  if (number.startsWith('+1') && otherCountriesOfNanp.includes(number.slice(2, 5))) {
    ranges.push(number.slice(0, 5));
  }
  const [exchange] = payPerCall.exec(number) ?? [];
  if (exchange !== undefined) ranges.push(exchange);
  return ranges;
}
