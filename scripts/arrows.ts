import { dirname, join, posix } from 'node:path';
import { parseSync } from 'vite';

/** Which part of `src/` may import which: the arrows of docs/architecture.md. A part may import itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  audio: ['base'],
  config: ['base'],
  call: ['base', 'audio'],
  carriers: ['base', 'audio', 'call'],
  models: ['base', 'audio', 'call'],
  agents: ['base', 'audio', 'call', 'tools'],
  tools: ['base', 'call'],
  api: ['base', 'audio', 'call', 'agents', 'store'],
  store: ['base', 'call'],
  fleet: ['base', 'call'],
  // Emulators judge the carriers and models, so they share no code with them.
  emulators: ['base', 'audio'],
  gateway: [
    'base',
    'audio',
    'config',
    'call',
    'carriers',
    'models',
    'agents',
    'tools',
    'api',
    'store',
    'fleet',
    'emulators',
  ],
  commands: [
    'base',
    'audio',
    'config',
    'call',
    'carriers',
    'models',
    'agents',
    'tools',
    'api',
    'store',
    'fleet',
    'emulators',
    'gateway',
  ],
  main: ['base', 'config', 'commands'],
};

/** Parts whose folders stand for one vendor each and never see each other. */
const vendorParts: readonly string[] = ['carriers', 'models', 'emulators'];

/** Folders of these parts that are no vendor's: all of the part stands on them. */
const commonFolders: readonly string[] = ['emulators/phone', 'carriers/testing'];

/** Types outside of `src/api` that the API sends as they are. */
const contractTypes: readonly string[] = ['src/base/errors.ts', 'src/call/events.ts', 'src/call/turn.ts'];

const network = /^(node:(https?|http2|net|tls|dgram|sqlite)|ws|undici|pg|fastify|@fastify\/.*|pino)$/;
const inputOutput =
  /^(node:(https?|http2|net|tls|dgram|sqlite|fs|fs\/promises|timers|timers\/promises|child_process)|ws|undici|pg|fastify|@fastify\/.*)$/;

export interface Import {
  /** As written. */
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Source files by their path from the project's root, with `/`. */
export type Sources = ReadonlyMap<string, string>;

/** Everything a module asks for: imports, re-exports, `import()` as value and as type. */
export function importsOf(path: string, source: string): Import[] {
  const parsed = parseSync(path, source);
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const found: Import[] = [];
  for (const { moduleRequest, entries } of parsed.module.staticImports) {
    const typeOnly = entries.length > 0 && entries.every((entry) => entry.isType);
    found.push({ specifier: moduleRequest.value, typeOnly });
  }
  for (const entry of parsed.module.staticExports.flatMap((each) => each.entries)) {
    if (entry.moduleRequest) found.push({ specifier: entry.moduleRequest.value, typeOnly: entry.isType });
  }
  for (const { moduleRequest } of parsed.module.dynamicImports) {
    const literal = /^['"`]([^'"`$]+)['"`]$/.exec(source.slice(moduleRequest.start, moduleRequest.end));
    if (literal?.[1]) found.push({ specifier: literal[1], typeOnly: false });
  }
  for (const specifier of typeImports(parsed.program)) found.push({ specifier, typeOnly: true });
  return found;
}

/** What breaks the rules, one line each; none is the goal. */
export function brokenArrows(sources: Sources): string[] {
  const broken: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, source] of sources) {
    const targets: string[] = [];
    for (const each of importsOf(path, source)) {
      const target = targetOf(path, each.specifier);
      if (target) targets.push(target);
      if (isTest(path)) continue;
      const reason = target ? fileRule(path, target, each.typeOnly) : packageRule(path, each.specifier);
      if (reason) broken.push(`${path} imports ${target ?? each.specifier}: ${reason}`);
    }
    graph.set(path, targets);
    if (partOf(path) && !allowed[partOf(path) ?? '']) {
      broken.push(`${path}: this part of src/ has no rule in scripts/arrows.ts`);
    }
  }
  return [...new Set(broken), ...circles(graph)];
}

function fileRule(path: string, target: string, typeOnly: boolean): string | undefined {
  const targetPart = partOf(target);
  if (path.startsWith('web/')) {
    if (!targetPart) return undefined;
    if (targetPart !== 'api' && !contractTypes.includes(target))
      return 'the console knows only the types of the API';
    return typeOnly ? undefined : 'the console takes types from src/ and no code';
  }
  const part = partOf(path);
  if (!part) return undefined;
  if (!targetPart) return 'src/ imports nothing from outside of it';
  if (isForTests(target) && !isForTests(path)) return 'code does not import tests and what is made for them';
  if (part !== targetPart) {
    return allowed[part]?.includes(targetPart) ? undefined : `${part} may not import ${targetPart}`;
  }
  const [vendor, targetVendor] = [vendorOf(path), vendorOf(target)];
  if (vendor && targetVendor && vendor !== targetVendor)
    return `${vendor} and ${targetVendor} never see each other`;
  if (targetVendor && commonFolders.includes(folderOf(path)))
    return `${folderOf(path)} stands below ${targetVendor}`;
  return undefined;
}

function packageRule(path: string, specifier: string): string | undefined {
  if (partOf(path) === 'call' && network.test(specifier))
    return 'the call engine knows no network and no database';
  if (partOf(path) === 'audio' && inputOutput.test(specifier)) return 'audio is pure functions over bytes';
  if (path.startsWith('src/') && posix.basename(path) === 'wire.ts' && inputOutput.test(specifier)) {
    return 'wire code does no input or output';
  }
  return undefined;
}

/** `src/call/playout.ts` -> `call`; files directly in `src/` are the gateway's, but for `main`. Undefined outside of `src/`. */
function partOf(path: string): string | undefined {
  const [top, part, below] = path.split('/');
  if (top !== 'src' || !part) return undefined;
  if (below) return part;
  return part === 'main.ts' ? 'main' : 'gateway';
}

/** `src/carriers/twilio/wire.ts` -> `carriers/twilio`; undefined for files shared by all of a part. */
function vendorOf(path: string): string | undefined {
  const folder = folderOf(path);
  const [part = '', vendor] = folder.split('/');
  return vendor && vendorParts.includes(part) && !commonFolders.includes(folder) ? folder : undefined;
}

/** `src/emulators/phone/line.ts` -> `emulators/phone`. */
function folderOf(path: string): string {
  return path.split('/').slice(1, -1).slice(0, 2).join('/');
}

function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}

/** Tests, and the files that serve tests alone: tsconfig.build.json leaves all of them out. */
function isForTests(path: string): boolean {
  return isTest(path) || /\/testing\/|\/test-[\w-]+\.ts$/.test(path) || path === 'src/base/virtual-clock.ts';
}

function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? join(dirname(path), specifier) : undefined;
}

/** Each circle once, from its first file by name. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      found.add(`circle: ${fromFirst(trail.slice(at)).join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return [...found];
}

function fromFirst(circle: readonly string[]): string[] {
  const first = [...circle].sort()[0] ?? '';
  const at = circle.indexOf(first);
  return [...circle.slice(at), ...circle.slice(0, at), first];
}

/** The specifiers of `import('...')` in types, which the module record does not list. */
function typeImports(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(typeImports);
  if (typeof node !== 'object' || node === null) return [];
  const inside = Object.values(node).flatMap(typeImports);
  if (!('type' in node) || node.type !== 'TSImportType' || !('source' in node)) return inside;
  const { source } = node;
  const literal =
    typeof source === 'object' && source !== null && 'value' in source ? source.value : undefined;
  return typeof literal === 'string' ? [literal, ...inside] : inside;
}
