import { z } from 'zod';
import { carrierSettings, signedCarriers } from './carrier-settings.ts';
import {
  bindHost,
  decimal,
  fetchableUrl,
  integer,
  listOf,
  milliseconds,
  oneOf,
  oneOfOrNone,
  seconds,
  someOf,
  text,
  textLike,
  textOrWithout,
  tokenLimit,
  url,
  yesOrNo,
} from './kinds.ts';
import { type Setting, setting } from './setting.ts';

const reasoningEfforts = ['minimal', 'low', 'medium', 'high', 'xhigh'] as const;
/** ISO 639-1 or 639-3, and what BCP 47 may put behind it. */
const languageCode = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Every setting, in the order of the docs: group, then field of the `Settings` object. */
export const settingTree = {
  server: {
    host: setting(bindHost(), {
      names: ['HOST'],
      default: '127.0.0.1',
      description: 'Address that HTTP and WebSocket are served on; `0.0.0.0` serves every interface.',
    }),
    port: setting(integer(0, 65_535), {
      names: ['PORT'],
      default: '5050',
      description: 'Port that HTTP and WebSocket are served on; 0 takes any free one.',
    }),
    publicUrl: setting(url(['https', 'http']), {
      names: ['PUBLIC_URL', 'BASE_PUBLIC_URL'],
      unset: 'none: no carrier can reach the gateway',
      description: 'How the carriers reach the gateway. Their signatures are checked against it.',
    }),
  },
  openai: {
    apiKey: setting(textLike(/^\S+$/, 'a key without spaces'), {
      names: ['OPENAI_API_KEY'],
      secret: true,
      unset: 'none: the demo voice answers',
      description: 'Key for the OpenAI Realtime API or a server that speaks it.',
    }),
    baseUrl: setting(url(['https', 'http', 'wss', 'ws'], { query: true }), {
      names: ['OPENAI_BASE_URL'],
      default: 'https://api.openai.com/v1',
      description:
        'Where the API is. The Realtime socket is derived from it: `http://127.0.0.1:9000/v1` gives `ws://127.0.0.1:9000/v1/realtime`.',
    }),
    model: setting(text('the name of a Realtime model'), {
      names: ['OPENAI_MODEL', 'AI_MODEL'],
      default: 'gpt-realtime-2.1',
      description: 'The speech model.',
    }),
    voice: setting(text('the name of a voice'), {
      names: ['OPENAI_VOICE', 'AI_VOICE'],
      default: 'marin',
      description: 'The voice the model speaks with.',
    }),
    instructions: setting(text('instructions for the model'), {
      names: ['OPENAI_INSTRUCTIONS'],
      unset: 'none: the next source, at last a short general text',
      description: 'What the model is told to be and do. First of three sources; the first that is set wins.',
    }),
    instructionsUrl: setting(fetchableUrl(), {
      names: ['OPENAI_URL_INSTRUCTIONS'],
      description: 'Second source of instructions: a GET whose JSON answer holds them in the field `system`.',
    }),
    instructionsFile: setting(text('a path to a text file'), {
      names: ['OPENAI_FILE_INSTRUCTIONS'],
      description: 'Third source of instructions: the whole file.',
    }),
    instructionsTimeoutMs: setting(milliseconds(100, 60_000), {
      names: ['OPENAI_URL_INSTRUCTIONS_TIMEOUT_MS'],
      default: '3000',
      unit: 'ms',
      description: 'How long the instructions address may take before the next source is used.',
    }),
    maxOutputTokens: setting(tokenLimit(4096), {
      names: ['OPENAI_MAX_TOKENS', 'OPENAI_MAX_OUTPUT_TOKENS'],
      default: 'inf',
      unit: 'tokens',
      description: 'Upper bound of one answer.',
    }),
    temperature: setting(decimal(0, 2), {
      names: ['OPENAI_TEMPERATURE'],
      description: 'Accepted for older set-ups, and without effect: the Realtime API has dropped it.',
    }),
    turnDetection: setting(oneOf(['server_vad', 'semantic_vad']), {
      names: ['OPENAI_TURN_DETECTION'],
      default: 'server_vad',
      description: "How the model finds the end of the caller's turn: by silence, or by what was said.",
    }),
    turnDetectionEagerness: setting(oneOf(['low', 'medium', 'high', 'auto']), {
      names: ['OPENAI_TURN_DETECTION_EAGERNESS'],
      default: 'auto',
      description: 'With `semantic_vad`: how soon the model takes the floor.',
    }),
    vadThreshold: setting(decimal(0, 1), {
      names: ['OPENAI_VAD_THRESHOLD'],
      default: '0.5',
      description: 'With `server_vad`: how loud speech must be; higher needs louder speech.',
    }),
    vadPrefixPaddingMs: setting(milliseconds(0, 5000), {
      names: ['OPENAI_VAD_PREFIX_PADDING_MS'],
      default: '300',
      unit: 'ms',
      description: 'With `server_vad`: audio kept from before speech was found.',
    }),
    vadSilenceDurationMs: setting(milliseconds(50, 10_000), {
      names: ['OPENAI_VAD_SILENCE_DURATION_MS'],
      default: '500',
      unit: 'ms',
      description: "With `server_vad`: silence that ends the caller's turn.",
    }),
    reasoningEffort: setting(oneOf(reasoningEfforts), {
      names: ['OPENAI_REASONING_EFFORT'],
      unset: "none: the model's own",
      description: 'How much a reasoning model thinks before it speaks; more thinking is a later first word.',
    }),
    transcriptionModel: setting(textOrWithout(['', 'none'], 'the name of a transcription model, or none'), {
      names: ['OPENAI_TRANSCRIPTION_MODEL'],
      default: 'gpt-transcribe',
      emptyIsValue: true,
      description: "Writes down the caller's words; `none` or an empty value turns it off.",
    }),
    language: setting(textOrWithout(['auto'], 'a language code such as en or pt-BR, or auto', languageCode), {
      names: ['OPENAI_LANGUAGE'],
      unset: 'auto: found out by the model',
      description: 'Language that the caller speaks, for the transcription.',
    }),
    noiseReduction: setting(oneOfOrNone(['near_field', 'far_field']), {
      names: ['OPENAI_NOISE_REDUCTION'],
      default: 'none',
      description:
        'Noise reduction before voice detection; `near_field` for handsets, `far_field` for rooms.',
    }),
    speed: setting(decimal(0.25, 1.5), {
      names: ['OPENAI_SPEED'],
      default: '1',
      unit: 'x',
      description: 'How fast the voice speaks.',
    }),
    safetyIdentifier: setting(
      textLike(/^[\x21-\x7e]{1,128}$/, 'up to 128 printable characters without spaces'),
      {
        names: ['OPENAI_SAFETY_IDENTIFIER'],
        description:
          'Stable, hashed id of the end user, sent to OpenAI as the header `OpenAI-Safety-Identifier`.',
      },
    ),
    truncateMarginMs: setting(milliseconds(0, 200), {
      names: ['OPENAI_TRUNCATE_MARGIN_MS'],
      default: '10',
      unit: 'ms',
      description: 'How far a truncation stays before the end of what the model generated.',
    }),
    connectTimeoutMs: setting(milliseconds(500, 60_000), {
      names: ['OPENAI_CONNECT_TIMEOUT_MS'],
      default: '10000',
      unit: 'ms',
      description: 'How long one attempt to open a session with the model may take.',
    }),
  },
  model: {
    // Shorter than the 90 s after which a call gives up any session (src/call/model-line.ts).
    connectBoundMs: setting(milliseconds(1000, 80_000), {
      names: ['PATCHCORD_MODEL_CONNECT_BOUND_MS'],
      default: '10000',
      unit: 'ms',
      description: 'How long a new call waits for its model, over all attempts, before the apology.',
    }),
    resumeBoundMs: setting(milliseconds(1000, 80_000), {
      names: ['PATCHCORD_MODEL_RESUME_BOUND_MS'],
      default: '5000',
      unit: 'ms',
      description: 'How long a call whose model was lost waits for another session, before the apology.',
    }),
  },
  ...carrierSettings,
  carriers: {
    allowUnsigned: setting(someOf(signedCarriers), {
      names: ['PATCHCORD_ALLOW_UNSIGNED'],
      default: '',
      description: 'Carriers whose signatures are not checked. For development; a warning is printed.',
    }),
    streamTokenTtlMs: setting(milliseconds(1000, 3_600_000), {
      names: ['PATCHCORD_STREAM_TOKEN_TTL_MS'],
      default: '60000',
      unit: 'ms',
      description: 'How long the single-use token of an announced media stream is good.',
    }),
  },
  api: {
    keys: setting(listOf(z.string().regex(/^[\x21-\x7e]+$/), 'keys without spaces, divided by commas'), {
      names: ['PATCHCORD_API_KEYS'],
      default: '',
      secret: true,
      unset: 'none: one is made at start and printed',
      description: 'Bearer keys for the REST API and the console. A truly local request needs none.',
    }),
    instructionsDir: setting(text('a folder'), {
      names: ['PATCHCORD_INSTRUCTIONS_DIR'],
      default: './instructions',
      description: 'Folder of the files that `/instructions` and `/save-instructions` read and write.',
    }),
  },
  dial: {
    allow: setting(
      listOf(z.string().regex(/^\+[1-9]\d{0,14}$/), 'number prefixes divided by commas, such as +1,+44'),
      {
        names: ['PATCHCORD_DIAL_ALLOW'],
        default: '',
        unset: 'none: no dialling',
        description: 'Prefixes of the numbers that may be dialled, such as `+1,+44`.',
      },
    ),
    maxConcurrent: setting(integer(0, 10_000), {
      names: ['PATCHCORD_DIAL_MAX_CONCURRENT'],
      default: '10',
      unit: 'calls',
      description: 'Outbound calls at one time.',
    }),
    maxPerMinute: setting(integer(0, 10_000), {
      names: ['PATCHCORD_DIAL_MAX_PER_MINUTE'],
      default: '30',
      unit: 'calls per minute',
      description: 'Outbound calls begun within a minute.',
    }),
  },
  agent: {
    whoSpeaksFirst: setting(oneOf(['agent', 'agent-improvises', 'caller']), {
      names: ['PATCHCORD_FIRST_SPEAKER'],
      default: 'agent',
      description:
        '`agent` says the greeting, `agent-improvises` opens in its own words, `caller` waits for the caller.',
    }),
    greeting: setting(text('a sentence'), {
      names: ['PATCHCORD_GREETING'],
      default: 'Hello! How can I help you today?',
      description:
        'What the agent opens with when it speaks first; a dialled call with instructions of its own opens by these.',
    }),
    greetingInterruptible: setting(yesOrNo(), {
      names: ['PATCHCORD_GREETING_INTERRUPTIBLE'],
      default: 'true',
      description: 'Whether the caller can interrupt the greeting.',
    }),
  },
  call: {
    // docs/benchmark.md: what one core carried with every frame in time, in its worst round.
    maxCalls: setting(integer(1, 100_000), {
      names: ['PATCHCORD_MAX_CALLS'],
      default: '200',
      unit: 'calls',
      description:
        'Calls at one time; one more is refused politely. The default is what one core carried in time in every round of the benchmark; where a call costs more (16-bit audio, frames that are paced here), less is right.',
    }),
    answerTimeoutMs: setting(milliseconds(1000, 600_000), {
      names: ['PATCHCORD_ANSWER_TIMEOUT_MS'],
      default: '60000',
      unit: 'ms',
      description: 'How long a phone may ring until somebody picks up.',
    }),
    mediaTimeoutMs: setting(milliseconds(1000, 120_000), {
      names: ['PATCHCORD_MEDIA_TIMEOUT_MS'],
      default: '15000',
      unit: 'ms',
      description: 'From picking up to the first audio of the carrier.',
    }),
    maxDurationMs: setting(seconds(0, 86_400), {
      names: ['PATCHCORD_MAX_CALL_SECONDS'],
      default: '3600',
      unit: 's',
      description: 'Longest call; then the agent says goodbye. 0: no limit.',
    }),
    mediaLostMs: setting(milliseconds(0, 300_000), {
      names: ['PATCHCORD_MEDIA_LOST_MS'],
      default: '10000',
      unit: 'ms',
      description:
        'Time without any audio after which a call counts as lost, at carriers whose audio never pauses. 0: never.',
    }),
    noInputMs: setting(milliseconds(0, 600_000), {
      names: ['PATCHCORD_NO_INPUT_MS'],
      default: '15000',
      unit: 'ms',
      description: 'Silence on both sides after which the agent asks again. 0: never.',
    }),
    noInputLimit: setting(integer(1, 20), {
      names: ['PATCHCORD_NO_INPUT_LIMIT'],
      default: '3',
      unit: 'silences',
      description: 'The silence in a row that ends the call; the one before it is answered with a warning.',
    }),
    responseTimeoutMs: setting(milliseconds(1000, 120_000), {
      names: ['PATCHCORD_RESPONSE_TIMEOUT_MS'],
      default: '10000',
      unit: 'ms',
      description:
        'How long a caller waits to hear something of an answer that is due before the model counts as lost, and how long an answer may pause.',
    }),
    goodbyeTimeoutMs: setting(milliseconds(500, 120_000), {
      names: ['PATCHCORD_GOODBYE_TIMEOUT_MS'],
      default: '10000',
      unit: 'ms',
      description: 'How long a hang-up waits for the agent to begin its goodbye.',
    }),
    endTimeoutMs: setting(milliseconds(500, 60_000), {
      names: ['PATCHCORD_END_TIMEOUT_MS'],
      default: '5000',
      unit: 'ms',
      description: 'How long the carrier may take to confirm the end of a call.',
    }),
    // No more than a session takes at once: a minute of 24 kHz is within the 4 MiB of its link.
    earlyAudioMs: setting(milliseconds(0, 60_000), {
      names: ['PATCHCORD_EARLY_AUDIO_MS'],
      default: '30000',
      unit: 'ms',
      description:
        'Caller audio kept until the model is ready; beyond it the oldest falls out and is counted.',
    }),
    interDigitMs: setting(milliseconds(100, 30_000), {
      names: ['PATCHCORD_DTMF_INTER_DIGIT_MS'],
      default: '2000',
      unit: 'ms',
      description:
        'Pause after which the keys pressed so far are taken together. `#` behind keys takes them at once, and is not told.',
    }),
  },
  log: {
    level: setting(oneOf(logLevels), {
      names: ['PATCHCORD_LOG_LEVEL', 'LOG_LEVEL'],
      default: 'info',
      description: 'Least level that is logged.',
    }),
    content: setting(yesOrNo(), {
      names: ['PATCHCORD_LOG_CONTENT'],
      default: 'false',
      description: 'Whether what people say may be logged.',
    }),
  },
  drain: {
    timeoutMs: setting(seconds(0, 86_400), {
      names: ['PATCHCORD_DRAIN_TIMEOUT_SECONDS'],
      default: '300',
      unit: 's',
      description: 'How long live calls may go on after SIGTERM; then the agent says goodbye.',
    }),
  },
};

type SettingTree = typeof settingTree;
export type SettingGroup = keyof SettingTree;

/** All settings as typed values; durations are milliseconds. */
export type Settings = {
  readonly [Group in SettingGroup]: {
    readonly [Field in keyof SettingTree[Group]]: SettingTree[Group][Field] extends Setting<infer Value>
      ? Value
      : never;
  };
};

/** Headings of the docs. */
export const groupTitles: Readonly<Record<SettingGroup, string>> = {
  server: 'Server',
  openai: 'OpenAI Realtime: the default agent',
  model: 'Any model',
  twilio: 'Twilio',
  telnyx: 'Telnyx',
  plivo: 'Plivo',
  genesys: 'Genesys Cloud Audio Connector',
  avr: 'Agent Voice Response',
  asterisk: 'Asterisk',
  carriers: 'All carriers',
  api: 'REST API and console',
  dial: 'Outbound dialling',
  agent: 'How a call opens',
  call: 'Limits and times of a call',
  log: 'Log',
  drain: 'Shutdown',
};

export interface NamedSetting {
  readonly group: SettingGroup;
  readonly field: string;
  readonly setting: Setting<unknown>;
}

/** The tree as a list, in its order. */
export function allSettings(): NamedSetting[] {
  const groups = Object.keys(settingTree) as SettingGroup[];
  return groups.flatMap((group) =>
    Object.entries<Setting<unknown>>(settingTree[group]).map(([field, each]) => ({
      group,
      field,
      setting: each,
    })),
  );
}
