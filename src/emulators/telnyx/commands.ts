import type { TelnyxCodec } from './wire.ts';

export type TelnyxAction =
  | 'dial'
  | 'answer'
  | 'reject'
  | 'hangup'
  | 'streaming_start'
  | 'streaming_stop'
  | 'speak'
  | 'transfer'
  | 'send_dtmf';

export type CommandBody = Readonly<Record<string, unknown>>;

/** One of Telnyx's error objects. */
export interface ApiError {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
}

interface Field {
  readonly expected: string;
  is(value: unknown): boolean;
}

const text: Field = { expected: 'a string', is: (value) => typeof value === 'string' && value !== '' };
const bool: Field = { expected: 'a boolean', is: (value) => typeof value === 'boolean' };
const base64: Field = {
  expected: 'base64',
  is: (value) => typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value),
};
const webUrl = urlOf(['http:', 'https:']);
const socketUrl = urlOf(['ws:', 'wss:']);
const dialled: Field = {
  expected: 'an E.164 number or a SIP URI',
  is: (value) => typeof value === 'string' && /^(\+[1-9]\d{6,14}|sips?:.+@.+)$/.test(value),
};

const common = { client_state: base64, command_id: text };

/** Telnyx, "Media streaming", section "Stream fields": what `answer`, `dial` and `streaming_start` all have. */
const stream = {
  stream_url: socketUrl,
  stream_track: oneOf('inbound_track', 'outbound_track', 'both_tracks'),
  stream_codec: oneOf('PCMU', 'PCMA', 'G722', 'OPUS', 'AMR-WB', 'L16', 'default'),
  stream_bidirectional_mode: oneOf('rtp', 'mp3'),
  stream_bidirectional_codec: oneOf('PCMU', 'PCMA', 'G722', 'OPUS', 'AMR-WB', 'L16'),
  stream_bidirectional_target_legs: oneOf('both', 'self', 'opposite'),
};

/** What `answer` does not have. */
const streamAlone = {
  stream_bidirectional_sampling_rate: oneOf(8000, 16_000, 22_050, 24_000, 48_000),
  stream_auth_token: textUpTo(4000),
};

const webhook = { webhook_url: webUrl, webhook_url_method: oneOf('POST', 'GET') };

interface Command {
  readonly required: readonly string[];
  readonly fields: Readonly<Record<string, Field>>;
}

/** Telnyx, "Call Control" API reference, one entry for each command. */
const commands: Readonly<Record<TelnyxAction, Command>> = {
  dial: {
    required: ['connection_id', 'to', 'from'],
    fields: {
      ...common,
      ...stream,
      ...streamAlone,
      ...webhook,
      connection_id: text,
      to: dialled,
      from: dialled,
      from_display_name: text,
      timeout_secs: numberIn(5, 600),
      time_limit_secs: numberIn(30, 14_400),
      send_digits_on_answer: textUpTo(64),
      answering_machine_detection: oneOf(
        'premium',
        'detect',
        'detect_beep',
        'detect_words',
        'greeting_end',
        'disabled',
      ),
      stream_establish_before_call_originate: bool,
      custom_headers: list(),
      sip_headers: list(),
    },
  },
  answer: { required: [], fields: { ...common, ...stream, ...webhook, send_silence_when_idle: bool } },
  reject: { required: ['cause'], fields: { ...common, cause: oneOf('CALL_REJECTED', 'USER_BUSY') } },
  hangup: { required: [], fields: { ...common, custom_headers: list() } },
  streaming_start: {
    required: [],
    fields: {
      ...common,
      ...stream,
      ...streamAlone,
      enable_dialogflow: bool,
      custom_parameters: {
        expected: 'a list of {name, value}',
        is: (value) =>
          Array.isArray(value) && value.every((one) => text.is(one?.name) && typeof one?.value === 'string'),
      },
    },
  },
  streaming_stop: { required: [], fields: { ...common, stream_id: text } },
  speak: {
    required: ['payload', 'voice'],
    fields: {
      ...common,
      payload: textUpTo(3000),
      voice: text,
      payload_type: oneOf('text', 'ssml'),
      service_level: oneOf('basic', 'premium'),
      language: text,
    },
  },
  transfer: {
    required: ['to'],
    fields: {
      ...common,
      ...webhook,
      to: dialled,
      from: dialled,
      early_media: bool,
      timeout_secs: numberIn(5, 600),
      time_limit_secs: numberIn(30, 14_400),
      audio_url: webUrl,
      target_leg_client_state: base64,
      mute_dtmf: oneOf('none', 'both', 'self', 'opposite'),
    },
  },
  send_dtmf: {
    required: ['digits'],
    fields: {
      ...common,
      digits: {
        expected: 'digits of 0-9 A-D * # w W',
        is: (value) => typeof value === 'string' && /^[0-9A-D*#wW]+$/.test(value),
      },
      duration_millis: numberIn(100, 500),
    },
  },
};

export interface CheckedCommand {
  readonly errors: readonly ApiError[];
  /** Fields that the command does not have: Telnyx passes over them. */
  readonly ignored: readonly string[];
}

export function checkCommand(action: TelnyxAction, body: CommandBody): CheckedCommand {
  const { required, fields } = commands[action];
  const errors: ApiError[] = [];
  for (const name of required) {
    if (body[name] !== undefined) continue;
    errors.push({ code: '10004', title: 'Missing required parameter', detail: `${name} is required` });
  }
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) ignored.push(name);
    else if (!field.is(value)) {
      errors.push({ code: '10015', title: 'Bad Request', detail: `${name} must be ${field.expected}` });
    }
  }
  return { errors, ignored };
}

/** How a stream was asked for. */
export interface StreamRequest {
  readonly url: string;
  readonly track: string;
  readonly inbound: TelnyxCodec;
  /** Undefined without the mode `rtp`. */
  readonly outbound: TelnyxCodec | undefined;
  readonly authToken: string | undefined;
  readonly customParameters: Readonly<Record<string, string>>;
}

/**
 * The stream that a checked command asks for, or undefined where it asks for none. `callCodec`: what the telephone line
 * has; the caller's audio comes in it unless another is asked for. A text says what can't be done here.
 */
export function streamOf(
  action: TelnyxAction,
  body: CommandBody,
  callCodec: 'PCMU' | 'PCMA',
): StreamRequest | string | undefined {
  const url = body.stream_url;
  if (typeof url !== 'string') return undefined;
  const own = (name: string): unknown =>
    Object.hasOwn(commands[action].fields, name) ? body[name] : undefined;
  const rate = own('stream_bidirectional_sampling_rate') ?? 8000;
  const wanted =
    body.stream_codec === undefined || body.stream_codec === 'default' ? callCodec : body.stream_codec;
  const inbound = codecOf(wanted, 16_000);
  const isRtp = body.stream_bidirectional_mode === 'rtp';
  const outbound = codecOf(body.stream_bidirectional_codec ?? 'PCMU', Number(rate));
  if (inbound === undefined) return `stream_codec ${String(wanted)} is not spoken by this fake`;
  if (isRtp && outbound === undefined) return 'this bidirectional codec is not spoken by this fake';
  const token = own('stream_auth_token');
  const parameters = own('custom_parameters');
  return {
    url,
    track: typeof body.stream_track === 'string' ? body.stream_track : 'inbound_track',
    inbound,
    outbound: isRtp ? outbound : undefined,
    authToken: typeof token === 'string' ? token : undefined,
    customParameters: Array.isArray(parameters)
      ? Object.fromEntries(parameters.map(({ name, value }) => [String(name), String(value)]))
      : {},
  };
}

function codecOf(encoding: unknown, l16Rate: number): TelnyxCodec | undefined {
  if (encoding === 'PCMU' || encoding === 'PCMA') return { encoding, sampleRate: 8000 };
  if (encoding !== 'L16' || l16Rate === 22_050) return undefined;
  return { encoding, sampleRate: l16Rate };
}

function oneOf(...values: readonly unknown[]): Field {
  return { expected: `one of ${values.join(', ')}`, is: (value) => values.includes(value) };
}

function numberIn(least: number, most: number): Field {
  return {
    expected: `a number from ${least} to ${most}`,
    is: (value) => typeof value === 'number' && value >= least && value <= most,
  };
}

function textUpTo(length: number): Field {
  return {
    expected: `a string of at most ${length} characters`,
    is: (value) => typeof value === 'string' && value !== '' && value.length <= length,
  };
}

function list(): Field {
  return { expected: 'a list', is: (value) => Array.isArray(value) };
}

function urlOf(protocols: readonly string[]): Field {
  return {
    expected: `a ${protocols.map((protocol) => `${protocol}//`).join(' or ')} URL`,
    is: (value) =>
      typeof value === 'string' && URL.canParse(value) && protocols.includes(new URL(value).protocol),
  };
}
