import type { signedCarriers } from './carrier-settings.ts';
import { type Environment, givenValue } from './environment.ts';
import { allSettings, type Settings } from './schema.ts';
import { isServiceAddress } from './service-links.ts';
import { unknownNameWarnings } from './slips.ts';

const openAiHost = 'api.openai.com';
const shortKeyCharacters = 16;

/** Speech models with an announced end. Source: OpenAI's deprecations page, 20 November 2026. */
const speechModelEnds: Readonly<Record<string, string>> = {
  'gpt-realtime': '20 January 2027',
  'gpt-realtime-2025-08-28': '20 January 2027',
  'gpt-realtime-mini': '20 January 2027',
  'gpt-realtime-mini-2025-12-15': '20 January 2027',
};

/** Transcription models with an announced end, from the same page. */
const transcriptionModelEnds: Readonly<Record<string, string>> = {
  'whisper-1': '26 February 2027',
  'gpt-4o-transcribe': '26 February 2027',
  'gpt-4o-transcribe-diarize': '26 February 2027',
  'gpt-4o-mini-transcribe': '26 February 2027',
  'gpt-4o-mini-transcribe-2025-12-15': '26 February 2027',
};

/** What works but should be looked at, one line each, in the order of the settings. No value of a secret. */
export function settingWarnings(env: Environment, settings: Settings): string[] {
  return [
    ...aliasWarnings(env),
    ...serviceWarnings(env),
    ...reachabilityWarnings(settings),
    ...modelWarnings(settings),
    ...securityWarnings(settings),
    ...unknownNameWarnings(env),
  ];
}

function aliasWarnings(env: Environment): string[] {
  const warnings: string[] = [];
  for (const { setting } of allSettings()) {
    const used = givenValue(setting, env);
    if (!used) continue;
    for (const name of setting.names) {
      const other = env[name]?.trim();
      if (name === used.name || !other || other === used.value) continue;
      warnings.push(`${name} is ignored because ${used.name} is set to another value`);
    }
  }
  return warnings;
}

/** Names of ours under which Kubernetes says where a service of that name is. */
function serviceWarnings(env: Environment): string[] {
  const names = allSettings().flatMap(({ setting }) => setting.names);
  return names
    .filter((name) => isServiceAddress(name, env[name]?.trim() ?? ''))
    .map((name) => {
      const service = name.slice(0, -'_PORT'.length).toLowerCase().replaceAll('_', '-');
      return `${name} is passed over: its value is what Kubernetes says of a service named ${service}, and no port`;
    });
}

function reachabilityWarnings({ server, twilio, telnyx, plivo, carriers }: Settings): string[] {
  const warnings: string[] = [];
  const called: readonly [string, string | undefined][] = [
    ['Twilio', twilio.authToken],
    ['Telnyx', telnyx.apiKey],
    ['Plivo', plivo.authToken],
  ];
  const names = called.filter(([, secret]) => secret !== undefined).map(([name]) => name);
  if (names.length > 0 && !server.publicUrl) {
    const who = names.join(' and ');
    warnings.push(`PUBLIC_URL is not set: ${who} cannot reach this gateway, and no signature can match`);
  }
  if (server.publicUrl?.startsWith('http://') && !isLoopback(server.publicUrl)) {
    warnings.push(
      'PUBLIC_URL starts with http://: carriers connect their media only over https:// and wss://',
    );
  }
  const checked = (carrier: (typeof signedCarriers)[number]) => !carriers.allowUnsigned.includes(carrier);
  if (twilio.accountSid && !twilio.authToken && checked('twilio')) {
    warnings.push(unchecked('TWILIO_AUTH_TOKEN', 'Twilio'));
  }
  if (telnyx.apiKey && !telnyx.publicKey && checked('telnyx')) {
    warnings.push(unchecked('TELNYX_PUBLIC_KEY', 'Telnyx'));
  }
  if (plivo.authId && !plivo.authToken && checked('plivo')) {
    warnings.push(unchecked('PLIVO_AUTH_TOKEN', 'Plivo'));
  }
  return warnings;
}

function unchecked(setting: string, carrier: string): string {
  return `${setting} is not set: signatures cannot be checked, so requests from ${carrier} are refused`;
}

function modelWarnings({ openai }: Settings): string[] {
  const warnings: string[] = [];
  if (openai.temperature !== undefined) {
    warnings.push('OPENAI_TEMPERATURE is not sent: the Realtime API has dropped the setting');
  }
  // Elsewhere the same names may be served for as long as that server likes.
  if (URL.parse(openai.baseUrl)?.hostname !== openAiHost) return warnings;
  const modelEnd = speechModelEnds[openai.model];
  if (modelEnd) {
    warnings.push(`OPENAI_MODEL ${openai.model} is shut down on ${modelEnd}: use gpt-realtime-2.1`);
  }
  if (/^gpt-4o(-mini)?-realtime-preview/.test(openai.model)) {
    warnings.push(`OPENAI_MODEL ${openai.model} belongs to the retired beta: use gpt-realtime-2.1`);
  }
  const transcriptionEnd = openai.transcriptionModel && transcriptionModelEnds[openai.transcriptionModel];
  if (transcriptionEnd) {
    warnings.push(
      `OPENAI_TRANSCRIPTION_MODEL ${openai.transcriptionModel} is shut down on ${transcriptionEnd}: use gpt-transcribe`,
    );
  }
  return warnings;
}

function securityWarnings({ carriers, api, log, genesys, avr, asterisk }: Settings): string[] {
  const warnings: string[] = [];
  if (genesys.apiKey && !genesys.clientSecret) {
    warnings.push(
      'GENESYS_CLIENT_SECRET is not set: whoever knows GENESYS_API_KEY can pose as Genesys Cloud',
    );
  }
  const open: readonly [string, readonly string[]][] = [
    ['AVR_ALLOW', avr.allow],
    ['AUDIOSOCKET_ALLOW', asterisk.audioSocketAllow],
  ];
  for (const [name, networks] of open) {
    if (!networks.some((network) => network.endsWith('/0'))) continue;
    warnings.push(`${name} lets in everybody: anyone who reaches the port can talk at your expense`);
  }
  for (const carrier of carriers.allowUnsigned) {
    warnings.push(`PATCHCORD_ALLOW_UNSIGNED: anyone can pose as ${carrier}, its signatures are not checked`);
  }
  if (api.keys.some((key) => key.length < shortKeyCharacters)) {
    warnings.push(
      `PATCHCORD_API_KEYS holds a key of less than ${shortKeyCharacters} characters: it can be guessed`,
    );
  }
  if (log.content) warnings.push('PATCHCORD_LOG_CONTENT is on: the log holds what people say');
  return warnings;
}

function isLoopback(address: string): boolean {
  const host = URL.parse(address)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}
