import { join } from 'node:path';
import { runChild } from '../../scripts/child.ts';

/** Before the first test: the page that the tests open is the one of these sources. Built as `npm start` builds it. */
export async function setup(): Promise<void> {
  const { NODE_ENV: _, ...env } = process.env;
  const script = join(import.meta.dirname, '../../scripts/build-console.ts');
  const code = await runChild(process.execPath, [script], env);
  if (code !== 0) throw new Error('the console could not be built');
}
