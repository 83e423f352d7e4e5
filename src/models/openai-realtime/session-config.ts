import type {
  RealtimeAudioFormats,
  RealtimeAudioInputTurnDetection,
  RealtimeSessionCreateRequest,
} from 'openai/resources/realtime/realtime';
import type { AudioFormat } from '../../audio/format.ts';
import type { Agent } from '../../call/agent.ts';
import type { HistoryItem, SessionOptions } from '../../call/model-session.ts';
import type { OpenAiRealtimeSettings, RealtimeProfile, TurnDetectionSettings } from './profiles.ts';
import type { ClientEvent } from './wire.ts';

export interface SessionFormats {
  readonly receives: AudioFormat;
  readonly sends: AudioFormat;
}

/** The first `session.update`. One unknown field and the server drops it whole, so only what is set is named. */
export function sessionConfig(
  settings: OpenAiRealtimeSettings,
  profile: RealtimeProfile,
  options: SessionOptions,
  formats: SessionFormats,
): RealtimeSessionCreateRequest {
  const { agent } = options;
  const voice = agent.voice ?? settings.voice;
  const maxOutputTokens = agent.maxOutputTokens ?? settings.maxOutputTokens;
  const language = primaryLanguage(agent.language ?? settings.transcription?.language);
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    instructions: agent.instructions,
    audio: {
      input: {
        format: wireFormat(formats.receives),
        turn_detection: turnDetection(detectionFor(settings, agent), options.protectOpening),
        ...(settings.transcription === undefined
          ? {}
          : {
              transcription: {
                model: settings.transcription.model,
                ...(language === undefined ? {} : { language }),
              },
            }),
        ...(settings.noiseReduction === undefined
          ? {}
          : { noise_reduction: { type: settings.noiseReduction } }),
      },
      output: {
        format: wireFormat(formats.sends),
        ...(voice === undefined ? {} : { voice }),
        ...(settings.speed === undefined ? {} : { speed: settings.speed }),
      },
    },
    ...(options.tools.length === 0
      ? {}
      : {
          tools: options.tools.map(({ name, description, parameters }) => ({
            type: 'function' as const,
            name,
            description,
            parameters,
          })),
          tool_choice: 'auto' as const,
        }),
    ...(maxOutputTokens === undefined ? {} : { max_output_tokens: maxOutputTokens }),
    ...(settings.reasoningEffort !== undefined && profile.reasons(agent.model ?? settings.model)
      ? { reasoning: { effort: settings.reasoningEffort } }
      : {}),
  };
}

/** An agent that waits for a silence of its own is one that listens for silence. */
export function detectionFor(
  { turnDetection: configured }: OpenAiRealtimeSettings,
  { turnSilenceMs }: Agent,
): TurnDetectionSettings {
  if (turnSilenceMs === undefined) return configured;
  const rest = configured.type === 'server_vad' ? configured : {};
  return { ...rest, type: 'server_vad', silenceDurationMs: turnSilenceMs };
}

/** Voice detection; `protect`: it reports speech but neither answers nor stops the model. */
export function turnDetection(
  detection: TurnDetectionSettings,
  protect: boolean,
): RealtimeAudioInputTurnDetection {
  const reacts = { create_response: !protect, interrupt_response: !protect };
  if (detection.type === 'semantic_vad') {
    return {
      type: 'semantic_vad',
      ...(detection.eagerness === undefined ? {} : { eagerness: detection.eagerness }),
      ...reacts,
    };
  }
  return {
    type: 'server_vad',
    ...(detection.threshold === undefined ? {} : { threshold: detection.threshold }),
    ...(detection.prefixPaddingMs === undefined ? {} : { prefix_padding_ms: detection.prefixPaddingMs }),
    ...(detection.silenceDurationMs === undefined
      ? {}
      : { silence_duration_ms: detection.silenceDurationMs }),
    ...reacts,
  };
}

/** A turn of the conversation so far. What the agent said can come back only as text. */
export function historyEvent(item: HistoryItem, eventId: string): ClientEvent {
  return {
    type: 'conversation.item.create',
    event_id: eventId,
    item:
      item.role === 'caller'
        ? { type: 'message', role: 'user', content: [{ type: 'input_text', text: item.text }] }
        : { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: item.text }] },
  };
}

/** The API's name of a format, as it comes back in `session.updated`. */
export function wireFormatName(format: AudioFormat): string {
  return wireFormat(format).type;
}

function wireFormat(format: AudioFormat): RealtimeAudioFormats & { readonly type: string } {
  switch (format.encoding) {
    case 'pcmu':
      return { type: 'audio/pcmu' };
    case 'pcma':
      return { type: 'audio/pcma' };
    case 'pcm16':
      return { type: 'audio/pcm', rate: 24_000 };
  }
}

/** The API takes ISO 639-1: `en-GB` is `en`. */
function primaryLanguage(tag: string | undefined): string | undefined {
  return tag?.split('-', 1)[0]?.toLowerCase();
}
