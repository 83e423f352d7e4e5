import { describe, expect, it } from 'vitest';
import { loadSettings } from './environment.ts';
import { settingWarnings } from './warnings.ts';

function warnings(env: Record<string, string>): string[] {
  return settingWarnings(env, loadSettings(env));
}

describe('settingWarnings', () => {
  it('has nothing to say about the defaults', () => {
    expect(warnings({})).toEqual([]);
    expect(warnings({ PATH: '/bin', OPENAI_ORG_ID: 'org', TWILIO_EDGE: 'dublin' })).toEqual([]);
  });

  it('says that the temperature is not sent', () => {
    expect(warnings({ OPENAI_TEMPERATURE: '0.8' })).toEqual([
      'OPENAI_TEMPERATURE is not sent: the Realtime API has dropped the setting',
    ]);
  });

  it('names the day on which a model ends', () => {
    expect(warnings({ OPENAI_MODEL: 'gpt-realtime' })).toEqual([
      'OPENAI_MODEL gpt-realtime is shut down on 20 January 2027: use gpt-realtime-2.1',
    ]);
    expect(warnings({ OPENAI_MODEL: 'gpt-realtime', OPENAI_BASE_URL: 'http://127.0.0.1:9000/v1' })).toEqual(
      [],
    );
    expect(warnings({ OPENAI_MODEL: 'gpt-4o-realtime-preview-2024-10-01' })[0]).toContain('retired beta');
    expect(warnings({ OPENAI_TRANSCRIPTION_MODEL: 'whisper-1' })[0]).toContain('26 February 2027');
  });

  it('asks about a name that looks like a slip', () => {
    expect(warnings({ PATCHCORD_API_KEY: 'x' })).toEqual([
      'PATCHCORD_API_KEY is not a setting, did you mean PATCHCORD_API_KEYS?',
    ]);
    expect(warnings({ PATCHCORD_COLOUR: 'blue' })).toEqual(['PATCHCORD_COLOUR is not a setting']);
    expect(warnings({ OPENAI_APIKEY: 'x' })).toEqual([
      'OPENAI_APIKEY is not read, did you mean OPENAI_API_KEY?',
    ]);
  });

  it.each([
    ['AVR_PORT', 'avr'],
    ['AUDIOSOCKET_PORT', 'audiosocket'],
  ])('passes over %s as Kubernetes writes it for a service, and says so', (name, service) => {
    for (const value of ['tcp://10.0.0.1:6060', ' udp://[fd00::1]:6060 ']) {
      const { avr, asterisk } = loadSettings({ [name]: value });
      expect([avr.port, asterisk.audioSocketPort]).toEqual([undefined, undefined]);
      const [warning, ...others] = warnings({
        [name]: value,
        [`${service.toUpperCase()}_SERVICE_HOST`]: '10.0.0.1',
      });
      expect(warning).toBe(
        `${name} is passed over: its value is what Kubernetes says of a service named ${service}, and no port`,
      );
      expect(others).toEqual([]);
    }
    expect(() => loadSettings({ [name]: 'http://10.0.0.1:6060' })).toThrow(name);
    expect(() => loadSettings({ PORT: 'tcp://10.0.0.1:6060' })).toThrow('PORT');
  });

  it('says which of two names is ignored, without the values', () => {
    const lines = warnings({
      TWILIO_API_KEY_SID: 'SK1',
      TWILIO_API_KEY_SECRET: 'hidden-a',
      TWILIO_API_SECRET: 'hidden-b',
    });
    expect(lines).toEqual([
      'TWILIO_API_SECRET is ignored because TWILIO_API_KEY_SECRET is set to another value',
    ]);
  });

  it('warns of an open door', () => {
    expect(warnings({ PATCHCORD_ALLOW_UNSIGNED: 'twilio' })[0]).toContain('anyone can pose as twilio');
    expect(warnings({ PATCHCORD_API_KEYS: 'hidden' })[0]).toBe(
      'PATCHCORD_API_KEYS holds a key of less than 16 characters: it can be guessed',
    );
  });

  it('warns of carriers that let in more than they should', () => {
    expect(warnings({ GENESYS_API_KEY: 'key' })[0]).toContain('GENESYS_CLIENT_SECRET is not set');
    expect(warnings({ AVR_ALLOW: 'any' })[0]).toContain('AVR_ALLOW lets in everybody');
    expect(warnings({ AUDIOSOCKET_ALLOW: '10.0.0.0/8,private' })).toEqual([]);
    expect(warnings({ TELNYX_API_KEY: 'k', PUBLIC_URL: 'https://gw.example.com' })).toEqual([
      'TELNYX_PUBLIC_KEY is not set: signatures cannot be checked, so requests from Telnyx are refused',
    ]);
  });

  it('warns when the carrier cannot reach the gateway', () => {
    expect(warnings({ TWILIO_AUTH_TOKEN: 'token' })[0]).toContain('PUBLIC_URL is not set');
    expect(warnings({ TWILIO_AUTH_TOKEN: 'token', PUBLIC_URL: 'http://voice.example.com' })[0]).toContain(
      'https://',
    );
    expect(warnings({ PUBLIC_URL: 'http://127.0.0.1:5050' })).toEqual([]);
    expect(warnings({ TWILIO_ACCOUNT_SID: 'AC1' })[0]).toContain('TWILIO_AUTH_TOKEN is not set');
    const unsigned = warnings({ TWILIO_ACCOUNT_SID: 'AC1', PATCHCORD_ALLOW_UNSIGNED: 'twilio' });
    expect(unsigned.join('\n')).not.toContain('are refused');
  });
});
