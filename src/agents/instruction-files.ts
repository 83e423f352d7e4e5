import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Largest file that is read, and most files that are kept. */
const maxFileBytes = 262_144;
const maxFiles = 1000;

/** Letters, digits, blanks, `_` and `-`, the first a letter or digit. No dots and no slashes: no way out of the folder. */
const stemPattern = /^[\p{L}\p{N}][\p{L}\p{N} _-]{0,59}$/u;
const ending = '.md';

export interface InstructionFile {
  /** With `.md`. */
  readonly name: string;
  readonly instructions: string;
}

/** Why a file was not written. */
export type SaveRefusal = 'name' | 'occupied' | 'full';

/** A folder of Markdown files with instructions for agents. Whatever else is in it is neither shown nor touched. */
export class InstructionFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Names with `.md`, sorted; none while the folder does not exist. */
  async list(): Promise<string[]> {
    const entries = await orUndefined(readdir(this.#folder, { withFileTypes: true }), 'ENOENT');
    return (entries ?? [])
      .filter(
        (entry) => entry.isFile() && entry.name.endsWith(ending) && fileNameOf(entry.name) !== undefined,
      )
      .map((entry) => entry.name)
      .toSorted()
      .slice(0, maxFiles);
  }

  /** By its name with or without `.md`; undefined where there is no such file. Throws when it is too large. */
  async read(name: string): Promise<InstructionFile | undefined> {
    const fileName = fileNameOf(name);
    const folder = await this.#realFolder();
    if (fileName === undefined || folder === undefined) return undefined;
    // A link would lead out of the folder: it is not followed, not even one that takes a file's place right now.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await orUndefined(open(join(folder, fileName), flags), 'ENOENT', 'ELOOP', 'EMLINK');
    if (handle === undefined) return undefined;
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return undefined;
      if (stats.size > maxFileBytes) throw new Error(`${fileName} is larger than ${maxFileBytes} bytes`);
      return { name: fileName, instructions: await handle.readFile('utf8') };
    } finally {
      await handle.close();
    }
  }

  /** Writes all of it or nothing. Gives the reason when it may not. */
  async save(name: string, instructions: string): Promise<SaveRefusal | undefined> {
    const fileName = fileNameOf(name);
    if (fileName === undefined) return 'name';
    await mkdir(this.#folder, { recursive: true });
    const folder = await realpath(this.#folder);
    const target = join(folder, fileName);
    const present: Stats | undefined = await orUndefined(lstat(target), 'ENOENT');
    if (present !== undefined && !present.isFile()) return 'occupied';
    if (present === undefined && (await this.list()).length >= maxFiles) return 'full';
    const draft = join(folder, `.${randomUUID()}.tmp`);
    try {
      const handle = await open(draft, 'wx', 0o600);
      try {
        await handle.writeFile(instructions);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
    return undefined;
  }

  async #realFolder(): Promise<string | undefined> {
    return orUndefined(realpath(this.#folder), 'ENOENT');
  }
}

function fileNameOf(name: string): string | undefined {
  const stem = name.endsWith(ending) ? name.slice(0, -ending.length) : name;
  return stemPattern.test(stem) ? `${stem}${ending}` : undefined;
}

/** Undefined in place of one of these errors of the file system. */
async function orUndefined<T>(action: Promise<T>, ...codes: readonly string[]): Promise<T | undefined> {
  try {
    return await action;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && codes.includes(String(thrown.code))) return undefined;
    throw thrown;
  }
}
