import { allSettings, groupTitles, type NamedSetting, type SettingGroup } from './schema.ts';
import type { Setting } from './setting.ts';

/** The settings as Markdown: one heading and one table for each group. */
export function settingsMarkdown(): string {
  return byGroup()
    .map(({ group, settings }) =>
      [
        `### ${groupTitles[group]}`,
        '',
        '| variable | default | unit | meaning | expected |',
        '|---|---|---|---|---|',
        ...settings.map(({ setting }) => markdownRow(setting)),
      ].join('\n'),
    )
    .join('\n\n');
}

/** The settings as a `.env` file in which every line is commented out and shows the default. */
export function envExample(): string {
  const blocks = byGroup().map(({ group, settings }) =>
    [`# ${groupTitles[group]}`, ...settings.map(({ setting }) => exampleEntry(setting))].join('\n\n'),
  );
  const head = [
    '# Copy this file to .env and take away the # in front of what you want to set.',
    '# What is set in the environment wins over this file.',
  ].join('\n');
  return `${[head, ...blocks].join('\n\n')}\n`;
}

function byGroup(): { readonly group: SettingGroup; readonly settings: readonly NamedSetting[] }[] {
  const groups = Map.groupBy(allSettings(), ({ group }) => group);
  return [...groups].map(([group, settings]) => ({ group, settings }));
}

function markdownRow(setting: Setting<unknown>): string {
  const [name, ...aliases] = setting.names;
  const names = [`\`${name}\``, ...aliases.map((alias) => `also \`${alias}\``)].join('<br>');
  const cells = [names, defaultCell(setting), setting.unit ?? '', setting.description, setting.kind.expected];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultCell(setting: Setting<unknown>): string {
  return setting.default ? `\`${setting.default}\`` : setting.unset;
}

function exampleEntry(setting: Setting<unknown>): string {
  const unit = setting.unit ? ` (${setting.unit})` : '';
  const value = setting.default && /[\s#'"]/.test(setting.default) ? `"${setting.default}"` : setting.default;
  return `# ${setting.description.replaceAll('`', '')}${unit}\n# ${setting.names[0]}=${value ?? ''}`;
}
