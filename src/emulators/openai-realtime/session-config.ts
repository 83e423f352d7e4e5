import type { AudioFormat } from '../../audio/format.ts';
import type { FunctionTool } from './events.ts';
import { EventProblem, isRecord } from './shape.ts';

export type WireFormat =
  | { type: 'audio/pcm'; rate: number }
  | { type: 'audio/pcmu' }
  | { type: 'audio/pcma' };

export type TurnDetection =
  | {
      type: 'server_vad';
      threshold: number;
      prefix_padding_ms: number;
      silence_duration_ms: number;
      idle_timeout_ms: number | null;
      create_response: boolean;
      interrupt_response: boolean;
    }
  | {
      type: 'semantic_vad';
      eagerness: 'low' | 'medium' | 'high' | 'auto';
      create_response: boolean;
      interrupt_response: boolean;
    };

/** The session as `session.created` and `session.updated` show it. */
export interface SessionConfig {
  type: 'realtime' | 'transcription';
  object: 'realtime.session' | 'realtime.transcription_session';
  id: string;
  expires_at: number;
  model: string;
  output_modalities: ('audio' | 'text')[];
  instructions: string;
  tools: FunctionTool[];
  tool_choice: unknown;
  max_output_tokens: number | 'inf';
  tracing: unknown;
  prompt: unknown;
  truncation: unknown;
  include: unknown;
  audio: {
    input: {
      format: WireFormat;
      transcription: Record<string, unknown> | null;
      noise_reduction: Record<string, unknown> | null;
      turn_detection: TurnDetection | null;
    };
    output: { format: WireFormat; voice: string | { id: string }; speed: number };
  };
}

const defaultInstructions =
  'You are a helpful, witty, and friendly voice assistant. Keep answers short, and speak as people speak.';

const serverVadDefaults: TurnDetection = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};

const semanticVadDefaults: TurnDetection = {
  type: 'semantic_vad',
  eagerness: 'auto',
  create_response: true,
  interrupt_response: true,
};

export function defaultSession(
  id: string,
  model: string,
  expiresAtS: number,
  type: SessionConfig['type'] = 'realtime',
): SessionConfig {
  return {
    type,
    object: type === 'realtime' ? 'realtime.session' : 'realtime.transcription_session',
    id,
    expires_at: expiresAtS,
    model,
    output_modalities: ['audio'],
    instructions: type === 'realtime' ? defaultInstructions : '',
    tools: [],
    tool_choice: 'auto',
    max_output_tokens: 'inf',
    tracing: null,
    prompt: null,
    truncation: 'auto',
    include: null,
    audio: {
      input: {
        format: { type: 'audio/pcm', rate: 24_000 },
        transcription: null,
        noise_reduction: null,
        turn_detection: { ...serverVadDefaults },
      },
      output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'marin', speed: 1 },
    },
  };
}

/** The session as events show it: a transcription session has nothing that speaks. */
export function shownSession(config: SessionConfig): object {
  if (config.type === 'realtime') return structuredClone(config);
  const { type, object, id, expires_at, include, audio } = config;
  return structuredClone({ type, object, id, expires_at, include, audio: { input: audio.input } });
}

/** What decides whether a field may change now. */
export interface UpdateState {
  readonly hasModelAudio: boolean;
  readonly responding: boolean;
}

/**
 * The session after an update whose shape is already checked: only present fields change, the audio parts are
 * merged. Throws an `EventProblem` where the API refuses; then nothing of the update counts.
 */
export function updatedSession(
  current: SessionConfig,
  update: Readonly<Record<string, unknown>>,
  state: UpdateState,
): SessionConfig {
  refuseForbidden(current, update, state);
  const next = structuredClone(current);
  const { audio, type: _type, model: _model, ...plain } = update;
  Object.assign(next, structuredClone(plain));
  if (!isRecord(audio)) return next;
  if (isRecord(audio.input)) mergeInput(next.audio.input, audio.input);
  if (isRecord(audio.output)) mergeOutput(next.audio.output, audio.output);
  return next;
}

function refuseForbidden(
  current: SessionConfig,
  update: Readonly<Record<string, unknown>>,
  state: UpdateState,
): void {
  if (update.type !== current.type) {
    const message = `A session of type '${current.type}' cannot become one of another type.`;
    throw new EventProblem('invalid_value', message, 'session.type');
  }
  if (update.model !== undefined && update.model !== current.model) {
    const message = "The session's model is set when connecting and cannot be updated.";
    throw new EventProblem('invalid_value', message, 'session.model');
  }
  checkModalities(update.output_modalities, 'session.output_modalities');
  if (current.tracing !== null && update.tracing !== undefined && update.tracing !== current.tracing) {
    const message = 'Tracing cannot be changed once it is on.';
    throw new EventProblem('invalid_value', message, 'session.tracing');
  }
  const output = isRecord(update.audio) ? update.audio.output : undefined;
  if (!isRecord(output)) return;
  if (state.hasModelAudio && output.voice !== undefined) {
    const message = "Cannot update a conversation's voice if assistant audio is present.";
    throw new EventProblem('cannot_update_voice', message, 'session.audio.output.voice');
  }
  if (state.responding && output.speed !== undefined && output.speed !== current.audio.output.speed) {
    const message = 'The speed can be updated between responses only.';
    throw new EventProblem('invalid_value', message, 'session.audio.output.speed');
  }
}

/** The API speaks or writes, never both. */
export function checkModalities(value: unknown, path: string): void {
  if (!Array.isArray(value) || new Set(value).size === 1) return;
  const message = `Invalid modalities: ${JSON.stringify(value)}. Supported combinations are: ['text'] and ['audio'].`;
  throw new EventProblem('invalid_value', message, path);
}

function mergeInput(input: SessionConfig['audio']['input'], update: Readonly<Record<string, unknown>>): void {
  const { format, transcription, noise_reduction: noise, turn_detection: turns } = update;
  if (isRecord(format)) input.format = completeFormat(format);
  if (transcription !== undefined)
    input.transcription = isRecord(transcription) ? { ...transcription } : null;
  if (noise !== undefined) input.noise_reduction = isRecord(noise) ? { ...noise } : null;
  if (turns === null) input.turn_detection = null;
  if (!isRecord(turns)) return;
  const defaults = turns.type === 'server_vad' ? serverVadDefaults : semanticVadDefaults;
  const before = input.turn_detection?.type === turns.type ? input.turn_detection : defaults;
  input.turn_detection = { ...before, ...turns } as TurnDetection;
}

function mergeOutput(
  output: SessionConfig['audio']['output'],
  update: Readonly<Record<string, unknown>>,
): void {
  const { format, voice, speed } = update;
  if (isRecord(format)) output.format = completeFormat(format);
  if (typeof voice === 'string') output.voice = voice;
  else if (isRecord(voice)) output.voice = { id: String(voice.id) };
  if (typeof speed === 'number') output.speed = speed;
}

export function completeFormat(format: Readonly<Record<string, unknown>>): WireFormat {
  switch (format.type) {
    case 'audio/pcmu':
      return { type: 'audio/pcmu' };
    case 'audio/pcma':
      return { type: 'audio/pcma' };
    default:
      return { type: 'audio/pcm', rate: 24_000 };
  }
}

export function audioFormatOf(format: WireFormat): AudioFormat {
  switch (format.type) {
    case 'audio/pcmu':
      return { encoding: 'pcmu', sampleRate: 8000 };
    case 'audio/pcma':
      return { encoding: 'pcma', sampleRate: 8000 };
    case 'audio/pcm':
      return { encoding: 'pcm16', sampleRate: format.rate };
  }
}

/** How long silence must last: the API's own rule, or the eagerness of semantic detection as a length. */
export function silenceMsOf(turns: TurnDetection): number {
  if (turns.type === 'server_vad') return turns.silence_duration_ms;
  switch (turns.eagerness) {
    case 'high':
      return 300;
    case 'low':
      return 1200;
    default:
      return 600;
  }
}
