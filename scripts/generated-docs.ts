import { errorCodes } from '../src/base/errors.ts';
import { envExample, settingsMarkdown } from '../src/config/table.ts';
import { statesMarkdown } from './state-tables.ts';

/** A file of which a part, or all, comes from the code. */
interface GeneratedFile {
  readonly path: string;
  /** The file as it should be, given the file as it is. */
  render(current: string): string;
}

const begin = '<!-- generated: node scripts/write-docs.ts -->';
const end = '<!-- end of generated -->';

export const generatedFiles: readonly GeneratedFile[] = [
  { path: 'docs/configuration.md', render: (current) => withBlock(current, settingsMarkdown()) },
  { path: 'docs/errors.md', render: (current) => withBlock(current, errorsMarkdown()) },
  { path: 'docs/lifecycle.md', render: (current) => withBlock(current, statesMarkdown()) },
  { path: '.env.example', render: () => envExample() },
];

/** Paths of the files that are not what the code says. */
export function staleFiles(read: (path: string) => string): string[] {
  return generatedFiles
    .filter((file) => {
      const current = read(file.path);
      return file.render(current) !== current;
    })
    .map((file) => file.path);
}

function errorsMarkdown(): string {
  const rows = Object.entries(errorCodes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return ['| code | meaning |', '|---|---|', ...rows].join('\n');
}

function withBlock(current: string, block: string): string {
  const from = current.indexOf(begin);
  const to = current.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the marks "${begin}" and "${end}" are missing`);
  return `${current.slice(0, from)}${begin}\n\n${block}\n\n${current.slice(to)}`;
}
