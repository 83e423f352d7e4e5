import { z } from 'zod';
import { errorCodes } from '../base/errors.ts';
import type { CallSnapshot } from '../call/events.ts';
import type { Usage } from '../call/model-session.ts';
import type { CallState, ModelState } from '../call/states.ts';
import type { CutCause, Turn } from '../call/turn.ts';
import type {
  AnnouncementBody,
  CallReply,
  CallsReply,
  DialReply,
  DigitsBody,
  ErrorReply,
  SayBody,
  StatusReply,
  TransferBody,
  TransferReply,
} from './contract.ts';
import { expectedNumber } from './phone-number.ts';

/** The bodies that are taken and given, as schemas; the compiler holds the replies to the types of the contract. */

/** Longest instructions that one call may bring, characters. */
const maxInstructions = 32_000;

function optionalText(maxCharacters: number, description: string) {
  return z.string().trim().max(maxCharacters).optional().describe(description);
}

const overrides = {
  instructions: optionalText(maxInstructions, 'What the agent is told to be and do in this call.'),
  voice: optionalText(64, 'Voice of the agent in this call.'),
  greeting: optionalText(1000, 'What the agent opens this call with.'),
};

const phoneNumber = z
  .string(expectedNumber)
  .trim()
  .min(1, expectedNumber)
  .max(40, expectedNumber)
  .describe('Number in E.164, such as `+15551230100`; blanks, dashes, dots and brackets are dropped.');

export const transferBody = z.object({
  to: phoneNumber,
  callerId: optionalText(
    40,
    'Number that is shown to who is called, in E.164; without it, as the carrier has it.',
  ),
}) satisfies z.ZodType<TransferBody>;

export const dialBody = z.object({
  to: phoneNumber,
  carrier: optionalText(40, 'Name of the carrier; without it, the first one that can dial.'),
  connection: optionalText(
    128,
    "The carrier's id of the connection or trunk to dial through, where it has several.",
  ),
  ...overrides,
});

export const sayBody = z.object({
  text: z.string().trim().min(1).max(3000).describe('What the agent says, word for word.'),
}) satisfies z.ZodType<SayBody>;

export const digitsBody = z.object({
  digits: z
    .string()
    .regex(/^[0-9*#A-D]{1,32}$/, 'expected 1 to 32 of the keys 0-9, *, #, A-D')
    .describe('Keys that are pressed towards the other side, up to 32.'),
}) satisfies z.ZodType<DigitsBody>;

export const announcementBody = z.object({
  carrier: z.string().trim().min(1).max(40).describe('Name of the carrier by which the call comes.'),
  id: z.string().trim().min(1).max(128).describe("The carrier's id of the call, such as its UUID."),
  from: optionalText(100, 'Who calls.'),
  to: optionalText(100, 'Who is called.'),
  variables: z
    .record(z.string().max(64), z.string().max(2000))
    .refine((given) => Object.keys(given).length <= 50, 'expected at most 50 variables')
    .optional()
    .describe('What is known of the call; tools and records see it.'),
  ...overrides,
}) satisfies z.ZodType<AnnouncementBody>;

const silence = 'expected a whole number of milliseconds from 50 to 10,000';

export const makeCallBody = z.object({
  to: phoneNumber,
  ...overrides,
  silence: z
    .union(
      [
        z.literal(''),
        z.coerce.number<string | number>(silence).int(silence).min(50, silence).max(10_000, silence),
      ],
      silence,
    )
    .optional()
    .describe("Silence that ends the caller's turn in this call, milliseconds."),
});

export const makeCallReply = z.object({
  message: z.literal('Call initiated'),
  callSid: z.string().describe("The carrier's id of the call."),
  callUuid: z.exactOptional(z.string()).describe('The same, of a call over Plivo.'),
  callId: z.string(),
});

const milliseconds = z.number().min(0);
const count = z.int().min(0);

const callState = z.enum(['ringing', 'answering', 'live', 'ending', 'ended']) satisfies z.ZodType<CallState>;
const modelState = z.enum([
  'idle',
  'connecting',
  'ready',
  'resuming',
  'gone',
]) satisfies z.ZodType<ModelState>;
const cutCause = z.enum([
  'caller-spoke',
  'digit',
  'operator',
  'model-lost',
  'call-ended',
]) satisfies z.ZodType<CutCause>;

export const turn = z
  .object({
    turnId: count,
    role: z.enum(['caller', 'agent']),
    startedAtMs: milliseconds.describe('Since the call began.'),
    text: z.string().describe('Everything that was said or generated.'),
    heardText: z.string().describe('What of it was heard.'),
    heardMs: milliseconds,
    generatedMs: milliseconds,
    cut: z.exactOptional(cutCause).describe("Set when an agent's turn was cut."),
    ended: z.boolean(),
  })
  .meta({ id: 'Turn' }) satisfies z.ZodType<Turn>;

const usage = z.object({
  inputTextTokens: count,
  inputAudioTokens: count,
  cachedTextTokens: count,
  cachedAudioTokens: count,
  outputTextTokens: count,
  outputAudioTokens: count,
}) satisfies z.ZodType<Usage>;

export const callSnapshot = z
  .object({
    callId: z.string(),
    carrier: z.string(),
    carrierCallId: z.string(),
    direction: z.enum(['inbound', 'outbound']),
    from: z.exactOptional(z.string()),
    to: z.exactOptional(z.string()),
    agent: z.string(),
    model: z.string(),
    state: callState,
    modelState,
    startedAtEpochMs: z.number(),
    liveMs: milliseconds.describe('Since media started; 0 before.'),
    turns: z.array(turn),
    usage,
    stats: z.object({
      pickUpToFirstAudioMs: z.exactOptional(milliseconds),
      bargeIns: count,
      underruns: count,
      lostCallerAudioMs: milliseconds,
      paddedCallerAudioMs: milliseconds,
      modelErrors: count,
    }),
  })
  .meta({ id: 'Call' }) satisfies z.ZodType<CallSnapshot>;

export const callsReply = z.object({ calls: z.array(callSnapshot) }) satisfies z.ZodType<CallsReply>;
export const callReply = z.object({ call: callSnapshot }) satisfies z.ZodType<CallReply>;
export const emptyReply = z.object({}).describe('Done.');

export const dialReply = z.object({
  callId: z.string(),
  carrierCallId: z.string(),
}) satisfies z.ZodType<DialReply>;

export const transferReply = z.object({
  transferred: z.boolean(),
  detail: z.exactOptional(z.string()).describe('Why it was not.'),
}) satisfies z.ZodType<TransferReply>;

/** What the bridges that this gateway replaces took for a file name and a text. */
export const saveInstructionsBody = z.object({
  fileName: optionalText(100, 'Letters, digits, blanks, `_` and `-`; `.md` is added.'),
  instructions: z.string().max(maxInstructions).optional(),
});

export const saveInstructionsReply = z.object({
  message: z.literal('Instructions saved successfully'),
});

export const instructionFilesReply = z.array(z.object({ name: z.string() }));
export const instructionFileReply = z.object({ name: z.string(), instructions: z.string() });

export const statusReply = z.object({
  version: z.string(),
  model: z.object({
    name: z.string(),
    demo: z.boolean().describe('No model is configured; the built-in demo voice answers.'),
  }),
  carriers: z.array(
    z.object({
      name: z.string(),
      takesCalls: z.boolean().describe('Set up for calls that come in.'),
      missingForCalls: z
        .array(z.string())
        .describe('Settings without which no call comes in over this carrier.'),
      canDial: z.boolean(),
      missing: z.array(z.string()).describe('Settings without which this carrier cannot dial.'),
    }),
  ),
  draining: z.boolean(),
  liveCalls: count,
  maxCalls: count,
}) satisfies z.ZodType<StatusReply>;

const errorCode = z.enum(Object.keys(errorCodes) as (keyof typeof errorCodes)[]).meta({
  id: 'ErrorCode',
  description: Object.entries(errorCodes)
    .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
    .join('\n'),
});

export const errorReply = z
  .object({
    error: z.string().describe('For people.'),
    code: errorCode,
    setting: z.exactOptional(z.string()).describe('The setting, or settings, that refused.'),
    details: z.exactOptional(z.record(z.string(), z.unknown())).describe('What the carrier said.'),
  })
  .meta({ id: 'Error' }) satisfies z.ZodType<ErrorReply>;
