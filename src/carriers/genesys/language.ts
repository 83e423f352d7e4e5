/** ISO 639-1 codes that a language may be named for, beside tags such as `pt-BR`. */
const codes =
  'af ar hy az be bs bg ca zh hr cs da nl en et fi fr gl de el he hi hu is id it ja kn kk ko lv lt mk ms mr mi ne no ' +
  'fa pl pt ro ru sr sk sl es sw sv tl ta th tr uk ur vi cy';

const english = new Intl.DisplayNames(['en'], { type: 'language', languageDisplay: 'standard' });
const codeOfName: ReadonlyMap<string, string> = new Map(
  codes.split(' ').map((code) => [(english.of(code) ?? code).toLowerCase(), code]),
);

/** The BCP 47 tag of what somebody wrote for a language: a tag (`es`, `en-us`, `pt_BR`), or an English name (`Spanish`). */
export function languageTag(written: string): string | undefined {
  const text = written.trim();
  const named = codeOfName.get(text.toLowerCase());
  if (named !== undefined) return named;
  if (!/^[a-z]{2,3}(?:[-_][a-z0-9]{2,8}){0,3}$/i.test(text)) return undefined;
  try {
    return Intl.getCanonicalLocales(text.replaceAll('_', '-'))[0];
  } catch {
    // Shaped like a tag, and none.
    return undefined;
  }
}

/** The language in English words, for instructions: `Spanish (Spain)` for `es-ES`; as it was written where it is no tag. */
export function languageName(written: string): string {
  const tag = languageTag(written);
  return (tag === undefined ? undefined : english.of(tag)) ?? written.trim();
}
