import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { staleFiles } from '../scripts/generated-docs.ts';

const root = join(import.meta.dirname, '..');

describe('the docs', () => {
  it('hold the settings and the error codes that the code has (else: node scripts/write-docs.ts)', () => {
    expect(staleFiles((path) => readFileSync(join(root, path), 'utf8'))).toEqual([]);
  });

  it('are told apart from docs of another state of the code', () => {
    const changed = staleFiles((path) =>
      readFileSync(join(root, path), 'utf8').replaceAll('PATCHCORD_DIAL_ALLOW', 'PATCHCORD_DIAL_PERMIT'),
    );
    expect(changed).toEqual(['docs/configuration.md', 'docs/errors.md', '.env.example']);
  });
});
