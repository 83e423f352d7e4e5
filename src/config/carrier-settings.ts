import { z } from 'zod';
import {
  fetchableUrl,
  integer,
  type Kind,
  listOf,
  milliseconds,
  networks,
  oneOf,
  secretBytes,
  text,
  textLike,
  url,
} from './kinds.ts';
import { setting } from './setting.ts';

/** Carriers whose signature check `PATCHCORD_ALLOW_UNSIGNED` can turn off. */
export const signedCarriers = ['twilio', 'telnyx', 'plivo'] as const;

/**
 * Numbers of one's own, kept in E.164. Vendors' consoles show them with blanks and dashes too, and without the plus,
 * which is taken for the same from so many digits on: fewer may be a national number.
 */
const phoneNumber = numberOfOneself(11);
/** Plivo writes every number without a plus. */
const plivoNumber = numberOfOneself(7);

/** The settings of each carrier, a group for each. */
export const carrierSettings = {
  twilio: {
    accountSid: setting(textLike(/^AC\w+$/, 'an account SID, which starts with AC'), {
      names: ['TWILIO_ACCOUNT_SID'],
      description: 'The Twilio account; needed to dial, hang up and redirect.',
    }),
    authToken: setting(textLike(/^\S+$/, 'a token without spaces'), {
      names: ['TWILIO_AUTH_TOKEN'],
      secret: true,
      unset: "none: Twilio's requests are refused",
      description: "The account's auth token; signatures are checked with it.",
    }),
    phoneNumber: setting(phoneNumber, {
      names: ['TWILIO_PHONE_NUMBER'],
      description: 'Number that outbound calls come from.',
    }),
    apiBaseUrl: setting(url(['https', 'http']), {
      names: ['TWILIO_API_BASE_URL'],
      default: 'https://api.twilio.com',
      description: "Where Twilio's REST API is.",
    }),
    apiKeySid: setting(textLike(/^SK\w+$/, 'an API key SID, which starts with SK'), {
      names: ['TWILIO_API_KEY_SID', 'TWILIO_API_KEY'],
      unset: 'none: the account SID is used',
      description: 'API key for REST requests in place of the account SID.',
    }),
    apiKeySecret: setting(textLike(/^\S+$/, 'a secret without spaces'), {
      names: ['TWILIO_API_KEY_SECRET', 'TWILIO_API_SECRET'],
      secret: true,
      unset: 'none: the auth token is used',
      description: 'Secret of the API key.',
    }),
  },
  telnyx: {
    apiKey: setting(textLike(/^\S+$/, 'a key without spaces'), {
      names: ['TELNYX_API_KEY'],
      secret: true,
      unset: 'none: calls can neither be answered nor dialled',
      description: 'API key (v2) with which calls are answered, dialled, hung up and transferred.',
    }),
    publicKey: setting(textLike(/^[A-Za-z0-9+/]{43}=$/, 'a base64 Ed25519 public key of 44 characters'), {
      names: ['TELNYX_PUBLIC_KEY'],
      unset: "none: Telnyx's webhooks are refused",
      description: "The account's public key; the signatures of webhooks are checked with it.",
    }),
    fromNumber: setting(phoneNumber, {
      names: ['TELNYX_FROM_NUMBER'],
      description: 'Number that outbound calls come from.',
    }),
    callControlAppId: setting(textLike(/^\S+$/, 'the id of a Call Control application'), {
      names: ['TELNYX_CALL_CONTROL_APP_ID'],
      description: 'Call Control application (connection) of outbound calls.',
    }),
    outboundProfileId: setting(textLike(/^\S+$/, 'an id'), {
      names: ['TELNYX_OUTBOUND_PROFILE_ID'],
      description: 'Used as the connection of outbound calls where no Call Control application is set.',
    }),
    apiBaseUrl: setting(url(['https', 'http']), {
      names: ['TELNYX_API_BASE_URL'],
      default: 'https://api.telnyx.com/v2',
      description: "Where Telnyx's REST API is.",
    }),
    codec: setting(oneOf(['PCMU', 'PCMA', 'L16']), {
      names: ['TELNYX_CODEC'],
      default: 'PCMU',
      description:
        'Codec that is asked for in both directions; `L16` is 16 kHz wideband. What Telnyx sends is taken as its `start` says.',
    }),
    l16ByteOrder: setting(oneOf(['big-endian', 'little-endian']), {
      names: ['TELNYX_L16_BYTE_ORDER'],
      default: 'big-endian',
      description: 'Byte order of `L16`, which Telnyx does not document.',
    }),
  },
  plivo: {
    authId: setting(textLike(/^\w+$/, 'an auth id'), {
      names: ['PLIVO_AUTH_ID'],
      description: 'The Plivo account; needed to dial, hang up and transfer.',
    }),
    authToken: setting(textLike(/^\S+$/, 'a token without spaces'), {
      names: ['PLIVO_AUTH_TOKEN'],
      secret: true,
      unset: "none: Plivo's requests are refused",
      description: "The account's auth token; signatures are checked with it.",
    }),
    phoneNumber: setting(plivoNumber, {
      names: ['PLIVO_PHONE_NUMBER'],
      description: 'Number that outbound calls come from; with or without a plus.',
    }),
    apiBaseUrl: setting(url(['https', 'http']), {
      names: ['PLIVO_API_BASE_URL'],
      default: 'https://api.plivo.com/v1',
      description: "Where Plivo's REST API is.",
    }),
    contentType: setting(
      oneOf(['audio/x-mulaw;rate=8000', 'audio/x-l16;rate=8000', 'audio/x-l16;rate=16000']),
      {
        names: ['PLIVO_CONTENT_TYPE'],
        default: 'audio/x-mulaw;rate=8000',
        description: 'Audio that Plivo is asked for; `audio/x-l16;rate=16000` is wideband.',
      },
    ),
    maxQueuedMs: setting(milliseconds(1000, 120_000), {
      names: ['PLIVO_MAX_QUEUED_MS'],
      default: '5000',
      unit: 'ms',
      description:
        'Agent audio that Plivo is sent ahead of the ear. It is said to keep no more than about 40 s, and to clear a full queue late.',
    }),
  },
  genesys: {
    apiKey: setting(textLike(/^\S+$/, 'a key without spaces'), {
      names: ['GENESYS_API_KEY'],
      secret: true,
      unset: 'none: `/audiohook` refuses everybody',
      description: 'API key of the Audio Connector integration.',
    }),
    clientSecret: setting(secretBytes(), {
      names: ['GENESYS_CLIENT_SECRET'],
      secret: true,
      // A secret that did not arrive must stop the start, not turn the check of signatures off.
      emptyIsValue: true,
      unset: 'none: upgrades are not signed, the key alone is checked',
      description:
        'Client secret of the integration, as Genesys gives it (base64); every upgrade must then be signed.',
    }),
    frameMs: setting(milliseconds(20, 8000), {
      names: ['GENESYS_FRAME_MS'],
      default: '200',
      unit: 'ms',
      description: 'The least audio in one binary message, but for the end of an answer.',
    }),
    maxFramesPerSecond: setting(integer(1, 50), {
      names: ['GENESYS_MAX_FRAMES_PER_SECOND'],
      default: '5',
      unit: 'messages per second',
      description: 'Binary messages in a second at most. Genesys ends sessions that send too many (429).',
    }),
    maxMessagesPerSecond: setting(integer(1, 100), {
      names: ['GENESYS_MAX_MESSAGES_PER_SECOND'],
      default: '10',
      unit: 'messages per second',
      description: 'Text messages in a second at most; more wait their turn, and none is dropped.',
    }),
    maxQueuedMs: setting(milliseconds(1000, 600_000), {
      names: ['GENESYS_MAX_QUEUED_MS'],
      default: '60000',
      unit: 'ms',
      description: 'Agent audio that Genesys is sent ahead of the ear; the rest waits here.',
    }),
    agentName: setting(text('a name'), {
      names: ['AGENT_NAME'],
      default: 'AI Assistant',
      description: 'Stands for `[AGENT_NAME]` in instructions, where the call brings no `AGENT_NAME`.',
    }),
    companyName: setting(text('a name'), {
      names: ['COMPANY_NAME'],
      default: 'Our Company',
      description: 'Stands for `[COMPANY_NAME]` in instructions, where the call brings no `COMPANY_NAME`.',
    }),
    endingPrompt: setting(text('a text'), {
      names: ['ENDING_PROMPT'],
      default:
        'A summary of the conversation for the next agent: main topics, decisions, open actions, mood of the caller.',
      description: 'What the agent is told to put into `CONVERSATION_SUMMARY` when it ends a call.',
    }),
  },
  avr: {
    port: setting(integer(0, 65_535), {
      names: ['AVR_PORT'],
      unset: 'none: AVR is served on `PORT` alone',
      description:
        'A port of its own for Agent Voice Response; any path is taken there. 0 takes any free one.',
    }),
    allow: setting(networks(), {
      names: ['AVR_ALLOW'],
      default: 'loopback',
      description:
        "Addresses and networks from which avr-core may connect: `loopback`, `private`, `any`, addresses, or networks such as `10.0.0.0/8`. AVR's protocol knows no password.",
    }),
    agentId: setting(textLike(/^[\w.-]+$/, 'an id of letters, digits, _ . and -'), {
      names: ['AGENT_ID'],
      description: 'The agent that the agent API is asked for.',
    }),
    agentApiBaseUrl: setting(fetchableUrl(), {
      names: ['AGENT_API_BASE_URL'],
      description:
        'Where the agent API is, which gives instructions and a greeting and takes summaries of calls.',
    }),
    agentApiTimeoutMs: setting(milliseconds(100, 30_000), {
      names: ['AGENT_API_TIMEOUT_MS'],
      default: '3000',
      unit: 'ms',
      description: 'How long one request to the agent API may take.',
    }),
    amiUrl: setting(url(['http', 'https']), {
      names: ['AMI_URL'],
      default: 'http://127.0.0.1:6006',
      description: 'The AMI helper (avr-ami), which hangs calls up and transfers them.',
    }),
    toolFolders: setting(listOf(z.string().min(1), 'folders divided by commas'), {
      names: ['PATCHCORD_TOOL_FOLDERS'],
      default: './avr_tools,./tools',
      description:
        'Folders of tools in the shape that AVR connectors have; one that is not there is passed over.',
    }),
  },
  asterisk: {
    audioSocketPort: setting(integer(0, 65_535), {
      names: ['AUDIOSOCKET_PORT'],
      unset: 'none: no AudioSocket',
      description: 'TCP port for AudioSocket; 0 takes any free one.',
    }),
    audioSocketAllow: setting(networks(), {
      names: ['AUDIOSOCKET_ALLOW'],
      default: 'loopback',
      description:
        'Addresses and networks whose calls are taken without being announced: `loopback`, `private`, `any`, addresses, or networks such as `10.0.0.0/8`.',
    }),
    wsUsername: setting(text('a user name'), {
      names: ['ASTERISK_WS_USERNAME'],
      unset: 'none: `/asterisk` refuses everybody',
      description: 'User name of the WebSocket channel, as in websocket_client.conf.',
    }),
    wsPassword: setting(textLike(/^\S+$/, 'a password without spaces'), {
      names: ['ASTERISK_WS_PASSWORD'],
      secret: true,
      unset: 'none: `/asterisk` refuses everybody',
      description: 'Password of the WebSocket channel.',
    }),
    maxQueuedMs: setting(milliseconds(500, 17_000), {
      names: ['ASTERISK_MAX_QUEUED_MS'],
      default: '10000',
      unit: 'ms',
      description:
        'Agent audio that the WebSocket channel is sent ahead of the ear; beyond 20 s Asterisk drops it.',
    }),
  },
};

function numberOfOneself(leastDigits: number): Kind<string> {
  const schema = z
    .string()
    .transform((written) => written.replace(/[\s().-]/g, ''))
    .transform((digits) => (digits.length >= leastDigits && /^\d+$/.test(digits) ? `+${digits}` : digits))
    .pipe(z.string().regex(/^\+[1-9]\d{1,14}$/));
  return { schema, expected: 'a number such as +15551230100' };
}
