import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadSettings } from './environment.ts';
import { allSettings } from './schema.ts';
import { envExample, settingsMarkdown } from './table.ts';

describe('the written settings', () => {
  it('name every variable and alias once in the table', () => {
    const markdown = settingsMarkdown();
    for (const name of allSettings().flatMap(({ setting }) => [...setting.names])) {
      const rows = markdown.split('\n').filter((line) => line.split(' | ')[0]?.includes(`\`${name}\``));
      expect(rows, name).toHaveLength(1);
    }
  });

  it('give each name to one setting only', () => {
    const names = allSettings().flatMap(({ setting }) => [...setting.names]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('carry the unit of every duration in the name of its variable', () => {
    for (const { field, setting } of allSettings()) {
      if (!field.endsWith('Ms')) continue;
      expect(setting.names[0]).toMatch(/_(MS|SECONDS)$/);
      expect(setting.unit).toBe(setting.names[0].endsWith('_MS') ? 'ms' : 's');
    }
  });

  it('give an example file that, switched on, is the default', () => {
    const switchedOn = envExample().replaceAll(/^# ([A-Z0-9_]+=)/gm, '$1');
    const env = parseEnv(switchedOn);
    expect(Object.keys(env).sort()).toEqual(
      allSettings()
        .map(({ setting }) => setting.names[0])
        .sort(),
    );
    expect(
      loadSettings({
        ...env,
        OPENAI_TRANSCRIPTION_MODEL: 'gpt-transcribe',
        GENESYS_CLIENT_SECRET: undefined,
      }),
    ).toEqual(loadSettings({}));
  });
});
