import { messageOf, PatchcordError } from '../base/errors.ts';

/** What a command says in one line about an error that ends it: with its code where it has one. */
export function problemLine(thrown: unknown): string {
  if (thrown instanceof PatchcordError) return `${thrown.code}: ${thrown.message}`;
  return `patchcord: ${messageOf(thrown)}`;
}
