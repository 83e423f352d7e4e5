import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import type { CallLimits } from '../call/call-limits.ts';
import { loadSettings, withEnvFile } from './environment.ts';
import { allSettings } from './schema.ts';

function refusal(env: Record<string, string>): string {
  try {
    loadSettings(env);
  } catch (error) {
    expect(error).toBeInstanceOf(PatchcordError);
    if (error instanceof PatchcordError) expect(error.code).toBe('PATCHCORD_CONFIG_INVALID');
    return error instanceof Error ? error.message : '';
  }
  throw new Error('the settings were taken');
}

describe('loadSettings', () => {
  it('starts without any variable, on loopback, with the demo voice and without dialling', () => {
    const settings = loadSettings({});
    expect(settings.server).toEqual({ host: '127.0.0.1', port: 5050, publicUrl: undefined });
    expect(settings.openai.apiKey).toBeUndefined();
    expect(settings.openai.model).toBe('gpt-realtime-2.1');
    expect(settings.openai.maxOutputTokens).toBe('inf');
    expect(settings.openai.transcriptionModel).toBe('gpt-transcribe');
    expect(settings.dial.allow).toEqual([]);
    expect(settings.api.keys).toEqual([]);
    expect(settings.call.maxDurationMs).toBe(3_600_000);
  });

  it.each([
    ['PLIVO_PHONE_NUMBER', '15550001111', '+15550001111'],
    ['PLIVO_PHONE_NUMBER', '4570101155', '+4570101155'],
    ['TWILIO_PHONE_NUMBER', '+1 (555) 000-1111', '+15550001111'],
    ['TELNYX_FROM_NUMBER', '447700900123', '+447700900123'],
  ])('takes a number of ours as the vendor writes it: %s=%s', (name, written, number) => {
    const { twilio, telnyx, plivo } = loadSettings({ [name]: written });
    expect([twilio.phoneNumber, telnyx.fromNumber, plivo.phoneNumber]).toContain(number);
  });

  it.each([
    ['TWILIO_PHONE_NUMBER', '5550001111'],
    ['TELNYX_FROM_NUMBER', '07700900123'],
    ['PLIVO_PHONE_NUMBER', '12345'],
    ['PLIVO_PHONE_NUMBER', '1555000111122223'],
    ['PLIVO_PHONE_NUMBER', 'MAXYZ'],
  ])('takes no number that may be another or is none: %s=%s', (name, written) => {
    expect(refusal({ [name]: written })).toContain('expected a number such as +15551230100');
  });

  it('takes every default through the same check as a given value', () => {
    const written = Object.fromEntries(
      allSettings().flatMap(({ setting }) => (setting.default ? [[setting.names[0], setting.default]] : [])),
    );
    expect(loadSettings(written)).toEqual(loadSettings({}));
  });

  it('reads the names that replaced projects used', () => {
    const settings = loadSettings({
      BASE_PUBLIC_URL: 'https://voice.example.com/',
      OPENAI_MAX_OUTPUT_TOKENS: '512',
      OPENAI_TEMPERATURE: '0',
    });
    expect(settings.server.publicUrl).toBe('https://voice.example.com');
    expect(settings.openai.maxOutputTokens).toBe(512);
    expect(settings.openai.temperature).toBe(0);
  });

  it('lets the first name win over its alias', () => {
    const settings = loadSettings({
      PUBLIC_URL: 'https://a.example.com',
      BASE_PUBLIC_URL: 'https://b.example.com',
    });
    expect(settings.server.publicUrl).toBe('https://a.example.com');
  });

  it('treats an empty variable as not set, but lets it turn the transcription off', () => {
    const settings = loadSettings({ PORT: '', OPENAI_API_KEY: ' ', OPENAI_TRANSCRIPTION_MODEL: '' });
    expect(settings.server.port).toBe(5050);
    expect(settings.openai.apiKey).toBeUndefined();
    expect(settings.openai.transcriptionModel).toBeUndefined();
    expect(loadSettings({ OPENAI_TRANSCRIPTION_MODEL: 'none' }).openai.transcriptionModel).toBeUndefined();
  });

  it('splits lists at commas', () => {
    const settings = loadSettings({
      PATCHCORD_DIAL_ALLOW: '+1, +44,',
      PATCHCORD_API_KEYS: 'first-key,second-key',
      PATCHCORD_ALLOW_UNSIGNED: 'twilio',
    });
    expect(settings.dial.allow).toEqual(['+1', '+44']);
    expect(settings.api.keys).toEqual(['first-key', 'second-key']);
    expect(settings.carriers.allowUnsigned).toEqual(['twilio']);
  });

  it('cannot be changed afterwards, at any depth', () => {
    const settings = loadSettings({ PATCHCORD_DIAL_ALLOW: '+1' });
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.server)).toBe(true);
    expect(Object.isFrozen(settings.dial.allow)).toBe(true);
  });

  it.each([
    ['PORT', 'many', 'PORT is "many", expected a whole number from 0 to 65535'],
    ['PORT', '70000', 'PORT is "70000", expected a whole number from 0 to 65535'],
    ['PORT', '0x10', 'PORT is "0x10", expected a whole number from 0 to 65535'],
    [
      'OPENAI_MAX_TOKENS',
      '5000',
      'OPENAI_MAX_TOKENS is "5000", expected inf or a whole number from 1 to 4096',
    ],
    [
      'OPENAI_LANGUAGE',
      'english please',
      'OPENAI_LANGUAGE is "english please", expected a language code such as en or pt-BR, or auto',
    ],
    [
      'PATCHCORD_MODEL_CONNECT_BOUND_MS',
      '90000',
      'PATCHCORD_MODEL_CONNECT_BOUND_MS is "90000", expected a whole number of milliseconds from 1000 to 80000',
    ],
    [
      'PATCHCORD_EARLY_AUDIO_MS',
      '120000',
      'PATCHCORD_EARLY_AUDIO_MS is "120000", expected a whole number of milliseconds from 0 to 60000',
    ],
    ['OPENAI_TEMPERATURE', 'warm', 'OPENAI_TEMPERATURE is "warm", expected a number from 0 to 2'],
    ['OPENAI_TURN_DETECTION', 'off', 'OPENAI_TURN_DETECTION is "off", expected server_vad or semantic_vad'],
    [
      'PATCHCORD_DIAL_ALLOW',
      '1,44',
      'PATCHCORD_DIAL_ALLOW is "1,44", expected number prefixes divided by commas, such as +1,+44',
    ],
    [
      'PATCHCORD_ALLOW_UNSIGNED',
      'acme',
      'PATCHCORD_ALLOW_UNSIGNED is "acme", expected names divided by commas out of: twilio, telnyx, plivo',
    ],
    ['PATCHCORD_LOG_CONTENT', 'maybe', 'PATCHCORD_LOG_CONTENT is "maybe", expected true or false'],
    ['PATCHCORD_MAX_CALLS', '-1', 'PATCHCORD_MAX_CALLS is "-1", expected a whole number from 1 to 100000'],
  ])('stops with one line that names the setting, the value and what was expected: %s=%s', (name, value, line) => {
    expect(refusal({ [name]: value })).toBe(line);
  });

  it('says all that is wrong in one line', () => {
    const line = refusal({ PORT: 'a\nb', OPENAI_SPEED: '9' });
    expect(line).toBe(
      'PORT is "a\\nb", expected a whole number from 0 to 65535; OPENAI_SPEED is "9", expected a number from 0.25 to 1.5',
    );
  });

  it('sends a public name in HOST, as a replaced project had it, to PUBLIC_URL', () => {
    const line = refusal({ HOST: 'voice.example.com' });
    expect(line).toContain('HOST is "voice.example.com"');
    expect(line).toContain('PUBLIC_URL');
    for (const host of ['0.0.0.0', '::1', '::', 'localhost', 'gateway']) {
      expect(loadSettings({ HOST: host }).server.host).toBe(host);
    }
  });

  it('never shows a secret, nor the credentials in an address', () => {
    const secrets = allSettings().filter(({ setting }) => setting.secret);
    expect(secrets.map(({ setting }) => setting.names[0])).toEqual([
      'OPENAI_API_KEY',
      'TWILIO_AUTH_TOKEN',
      'TWILIO_API_KEY_SECRET',
      'TELNYX_API_KEY',
      'PLIVO_AUTH_TOKEN',
      'GENESYS_API_KEY',
      'GENESYS_CLIENT_SECRET',
      'ASTERISK_WS_PASSWORD',
      'PATCHCORD_API_KEYS',
    ]);
    for (const { setting } of secrets) {
      const line = refusal({ [setting.names[0]]: 'very hidden' });
      expect(line).toContain(setting.names[0]);
      expect(line).not.toContain('hidden');
    }
    expect(refusal({ PUBLIC_URL: 'https://me:hidden@voice.example.com' })).not.toContain('hidden');
    expect(refusal({ OPENAI_BASE_URL: 'ftp://me:hid@den@models.example.com' })).not.toContain('hid');
  });

  it('wants both halves of an API key', () => {
    expect(refusal({ TWILIO_API_KEY_SID: 'SK1' })).toBe(
      'TWILIO_API_KEY_SECRET is not set, expected a value because TWILIO_API_KEY_SID has one',
    );
    expect(refusal({ ASTERISK_WS_PASSWORD: 'p' })).toBe(
      'ASTERISK_WS_USERNAME is not set, expected a value because ASTERISK_WS_PASSWORD has one',
    );
    expect(refusal({ GENESYS_CLIENT_SECRET: 'c2VjcmV0' })).toBe(
      'GENESYS_API_KEY is not set, expected a value because GENESYS_CLIENT_SECRET has one',
    );
  });

  it('wants a port of its own for each, and a secret that is there', () => {
    expect(refusal({ PORT: '6030', AVR_PORT: '6030' })).toBe(
      'AVR_PORT is 6030, expected another port than PORT',
    );
    expect(refusal({ AVR_PORT: '6030', AUDIOSOCKET_PORT: '6030' })).toContain(
      'expected another port than AVR_PORT',
    );
    expect(loadSettings({ PORT: '0', AVR_PORT: '0' }).avr.port).toBe(0);
    expect(refusal({ GENESYS_API_KEY: 'key', GENESYS_CLIENT_SECRET: '' })).toContain(
      'GENESYS_CLIENT_SECRET is',
    );
  });

  it('takes networks by name and in CIDR notation, and refuses what is none', () => {
    expect(loadSettings({ AVR_ALLOW: 'loopback, 10.1.0.0/16,2001:db8::/32' }).avr.allow).toEqual([
      '127.0.0.0/8',
      '::1/128',
      '10.1.0.0/16',
      '2001:db8::/32',
    ]);
    for (const wrong of ['10.0.0.0/33', '10.0.0', 'somewhere', '::1/129', '10.0.0.0/8/8', '10.0.0.0/']) {
      expect(refusal({ AVR_ALLOW: wrong })).toContain('AVR_ALLOW is');
    }
  });
});

describe('the settings of a call', () => {
  it('are the limits that the call engine takes', () => {
    const limits: CallLimits = loadSettings({ PATCHCORD_MAX_CALL_SECONDS: '90' }).call;
    expect(limits.maxDurationMs).toBe(90_000);
  });
});

describe('withEnvFile', () => {
  it('adds what .env holds and lets the environment win', () => {
    const directory = mkdtempSync(join(tmpdir(), 'patchcord-env-'));
    try {
      writeFileSync(join(directory, '.env'), 'PORT=6000\nOPENAI_VOICE="cedar" # quoted\n');
      expect(withEnvFile({ PORT: '7000' }, directory)).toEqual({ PORT: '7000', OPENAI_VOICE: 'cedar' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is fine without the file', () => {
    expect(withEnvFile({ PORT: '7000' }, join(tmpdir(), 'patchcord-no-such-folder'))).toEqual({
      PORT: '7000',
    });
  });
});
