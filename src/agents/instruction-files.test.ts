import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstructionFiles } from './instruction-files.ts';

let root: string;
let folder: string;
let files: InstructionFiles;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'patchcord-instructions-'));
  folder = join(root, 'instructions');
  files = new InstructionFiles(folder);
});

afterEach(() => rmSync(root, { recursive: true }));

describe('files of instructions', () => {
  it('are none while the folder does not exist, and can be written, listed, read and replaced', async () => {
    expect(await files.list()).toEqual([]);
    expect(await files.read('shop')).toBeUndefined();
    expect(await files.save('shop', 'Sell.')).toBeUndefined();
    expect(await files.save('Grüße 2.md', 'Greet.')).toBeUndefined();
    expect(await files.save('shop.md', 'Sell more.')).toBeUndefined();
    expect(await files.list()).toEqual(['Grüße 2.md', 'shop.md']);
    for (const name of ['shop', 'shop.md']) {
      expect(await files.read(name)).toEqual({ name: 'shop.md', instructions: 'Sell more.' });
    }
    expect(readdirSync(folder).toSorted()).toEqual(['Grüße 2.md', 'shop.md']);
  });

  it.each([
    ['../secret'],
    ['../secret.md'],
    ['..'],
    ['.'],
    ['.hidden'],
    ['a/b'],
    ['a\\b'],
    ['/etc/passwd'],
    ['a.b'],
    ['a\0'],
    ['a\n'],
    ['-rf'],
    [''],
    ['.md'],
    ['x'.repeat(61)],
  ])('are never outside of the folder: %j', async (name) => {
    writeFileSync(join(root, 'secret.md'), 'secret');
    expect(await files.save(name, 'changed')).toBe('name');
    expect(await files.read(name)).toBeUndefined();
    expect(readFileSync(join(root, 'secret.md'), 'utf8')).toBe('secret');
  });

  it('are no links, no folders and nothing of another kind', async () => {
    mkdirSync(folder);
    const secret = join(root, 'secret.md');
    writeFileSync(secret, 'secret');
    symlinkSync(secret, join(folder, 'link.md'));
    mkdirSync(join(folder, 'folder.md'));
    writeFileSync(join(folder, 'notes.txt'), 'notes');
    expect(await files.list()).toEqual([]);
    for (const name of ['link', 'folder']) {
      expect(await files.read(name)).toBeUndefined();
      expect(await files.save(name, 'changed')).toBe('occupied');
    }
    expect(await files.read('notes.txt')).toBeUndefined();
    expect(readFileSync(secret, 'utf8')).toBe('secret');
  });

  it('are not read without end and not kept without number', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'large.md'), Buffer.alloc(262_145));
    await expect(files.read('large')).rejects.toThrow('larger than');
    for (let n = 1; n < 1000; n++) writeFileSync(join(folder, `${n}.md`), '');
    expect(await files.save('one more', 'text')).toBe('full');
    expect(await files.save('7', 'text')).toBeUndefined();
  });
});
