/** The names of those settings that are not there. */
export function missingSettings(needed: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(needed).flatMap(([setting, isThere]) => (isThere ? [] : [setting]));
}
