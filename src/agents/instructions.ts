import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { responseText } from '../base/response-text.ts';

/** What the agent is when nobody says what it is. */
export const defaultInstructions = [
  'You are a friendly and attentive assistant on a phone call.',
  'Speak as people speak on the phone: short sentences, one question at a time, no lists and no markup.',
  "Answer in the caller's language.",
  'When you did not understand something, ask again instead of guessing.',
  'When the caller wants to end the call, say goodbye and end it.',
].join(' ');

/** Where instructions may come from; the first that is set and has something to say wins. */
export interface InstructionSources {
  readonly instructions: string | undefined;
  /** GET, answers JSON with a field `system`. */
  readonly instructionsUrl: string | undefined;
  readonly instructionsFile: string | undefined;
  /** For the address: from the request to the last byte. */
  readonly instructionsTimeoutMs: number;
}

export interface InstructionOptions {
  readonly logger: Logger;
  /** Headers for the address, such as an id of the call. */
  readonly headers?: Readonly<Record<string, string>>;
}

const maxBytes = 1_048_576;
const answerSchema = z.object({ system: z.string().trim().min(1) });

/** Which source had something to say. */
export type InstructionSource = 'text' | 'address' | 'file' | 'default';

export interface LoadedInstructions {
  readonly text: string;
  readonly source: InstructionSource;
}

/** Text, address, file, default, in this order. A source that fails is a warning and never an error. */
export async function loadInstructions(
  sources: InstructionSources,
  options: InstructionOptions,
): Promise<LoadedInstructions> {
  const given = sources.instructions?.trim();
  if (given) return { text: given, source: 'text' };
  const fetched = await attempt('OPENAI_URL_INSTRUCTIONS', options.logger, sources.instructionsUrl, (url) =>
    fetchInstructions(url, sources.instructionsTimeoutMs, options.headers),
  );
  if (fetched) return { text: fetched, source: 'address' };
  const read = await attempt(
    'OPENAI_FILE_INSTRUCTIONS',
    options.logger,
    sources.instructionsFile,
    readInstructions,
  );
  return read ? { text: read, source: 'file' } : { text: defaultInstructions, source: 'default' };
}

async function attempt(
  setting: string,
  logger: Logger,
  place: string | undefined,
  load: (place: string) => Promise<string>,
): Promise<string | undefined> {
  if (!place) return undefined;
  try {
    return await load(place);
  } catch (error) {
    // The place is left out: an address may carry a key in its query.
    logger.warn({ setting, error: messageOf(error) }, 'instructions not loaded, the next source is used');
    return undefined;
  }
}

async function fetchInstructions(
  url: string,
  timeoutMs: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', ...headers },
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the address answered ${response.status}`);
  }
  const parsed = answerSchema.safeParse(parseJson(await responseText(response, maxBytes)));
  if (!parsed.success) throw new Error('the answer has no text in the field "system"');
  return parsed.data.system;
}

async function readInstructions(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim();
  if (text === '') throw new Error('the file is empty');
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('the answer is not JSON', { cause: error });
  }
}
