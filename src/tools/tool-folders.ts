import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { checkedTools, type Tool } from '../call/tools.ts';
import { callerInfoOf } from './caller-info.ts';

export interface ToolFoldersOptions {
  /** The first that has a tool of a name wins; one that is not there has none. */
  readonly folders: readonly string[];
  /** Names of tools that are there already. */
  readonly taken: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

const endings: readonly string[] = ['.js', '.cjs', '.mjs'];
const maxFilesPerFolder = 200;
/** A module that never finishes loading must not keep the gateway from starting. */
const loadDeadlineMs = 10_000;

/**
 * Tools in the shape that AVR's connectors have: modules with `name`, `description`, `input_schema` and
 * `handler(uuid, args, callerInfo)`. A file that can't be used is a warning, and the others are loaded. Never rejects.
 */
export async function loadToolFolders(options: ToolFoldersOptions): Promise<Tool[]> {
  const { log } = options;
  const tools: Tool[] = [];
  for (const folder of options.folders) {
    for (const name of await toolFiles(folder, log)) {
      const file = `${folder}/${name}`;
      try {
        const tool = toolOf(await bounded(load(resolve(folder, name)), options.clock));
        if (options.taken.includes(tool.name)) {
          log.info({ file, tool: tool.name }, 'a tool of a folder is built in: the file is not used');
        } else if (tools.some((known) => known.name === tool.name)) {
          log.warn(
            { file, tool: tool.name },
            'a tool was not loaded: an earlier file has the same name for it',
          );
        } else tools.push(tool);
      } catch (thrown) {
        // The lines below the first name places on this machine.
        const [error] = messageOf(thrown).split('\n', 1);
        log.warn({ file, error }, 'a tool was not loaded');
      }
    }
  }
  return tools;
}

async function toolFiles(folder: string, log: Logger): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (thrown) {
    const missing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    if (!missing) log.warn({ folder, error: messageOf(thrown) }, 'a folder of tools could not be read');
    return [];
  }
  const files = names.filter((name) => !name.startsWith('.') && endings.includes(extname(name))).toSorted();
  if (files.length > maxFilesPerFolder) {
    log.warn(
      { folder, files: files.length, maxFilesPerFolder },
      'a folder has too many tools: not all are loaded',
    );
  }
  return files.slice(0, maxFilesPerFolder);
}

/**
 * What the module exports. The folders may be those of another project: a script that speaks of no handler at all is
 * no tool, and is not run to find that out.
 */
async function load(path: string): Promise<unknown> {
  const source = await readFile(path, 'utf8');
  if (!/\bhandler\b/.test(source)) throw new Error('it has no handler');
  switch (extname(path)) {
    case '.cjs':
      return createRequire(path)(path);
    case '.mjs':
      return import(pathToFileURL(path).href);
    default: {
      const run = commonJs(source, path);
      return run === undefined ? import(pathToFileURL(path).href) : run();
    }
  }
}

/**
 * The source as a CommonJS module, undefined where it is none. Told from the source alone: a package.json above a
 * mounted folder says nothing about the files in it.
 */
function commonJs(source: string, path: string): (() => unknown) | undefined {
  if (!/\bmodule\s*\.\s*exports\b|\bexports\s*[.[]|\brequire\s*\(/.test(source)) return undefined;
  let run: ReturnType<typeof compileFunction>;
  try {
    run = compileFunction(source, ['exports', 'require', 'module', '__filename', '__dirname'], {
      filename: path,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
  } catch {
    // An ES module, or broken: whoever imports it says which.
    return undefined;
  }
  return () => {
    const module = { exports: {}, filename: path, id: path };
    run.call(module.exports, module.exports, createRequire(path), module, path, resolve(path, '..'));
    return module.exports;
  };
}

/** @throws Error that says what is missing */
function toolOf(loaded: unknown): Tool {
  const exported = exportsOf(loaded);
  const { name, description = '', input_schema: schema = {}, handler } = exported;
  if (typeof name !== 'string') throw new Error('it has no name');
  if (typeof description !== 'string') throw new Error('its description is not a text');
  if (typeof handler !== 'function') throw new Error('it has no handler');
  const tool: Tool = {
    name,
    description,
    parameters: parametersOf(schema),
    async run(args, { carrierCallId, party }) {
      return textOf(await handler.call(exported, carrierCallId, args, callerInfoOf(party)));
    },
  };
  checkedTools([tool]);
  return tool;
}

/** The object with the handler: what CommonJS exports, an ES module's default, or the module itself. */
function exportsOf(loaded: unknown): Readonly<Record<string, unknown>> {
  if (typeof loaded !== 'object' || loaded === null) throw new Error('it exports no object');
  const module: Readonly<Record<string, unknown>> = { ...loaded };
  if ('handler' in module || module.default === undefined) return module;
  return exportsOf(module.default);
}

function parametersOf(schema: unknown): Readonly<Record<string, unknown>> {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw new Error('its input_schema is not an object');
  }
  // A copy, as plain as a model gets it.
  const parameters: unknown = JSON.parse(JSON.stringify({ type: 'object', properties: {}, ...schema }));
  const { type } = parameters as { readonly type: unknown };
  if (type !== 'object') throw new Error('its input_schema is not of type object');
  return parameters as Readonly<Record<string, unknown>>;
}

/** Handlers give a text; what else they give is told as JSON. */
function textOf(result: unknown): string {
  return typeof result === 'string'
    ? result
    : (JSON.stringify(result ?? { result: 'done' }) ?? String(result));
}

function bounded<T>(loading: Promise<T>, clock: Clock): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimeout(
    () => reject(new Error(`it did not load within ${loadDeadlineMs} ms`)),
    loadDeadlineMs,
  );
  return Promise.race([loading, late]).finally(() => timer.cancel());
}
