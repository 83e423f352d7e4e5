import { type AudioFormat, pcm16At, pcma8k, pcmu8k } from '../../audio/format.ts';
import { PatchcordError } from '../../base/errors.ts';

/** Plain settings of one OpenAI Realtime model. An optional one that is left out is left to the server. */
export interface OpenAiRealtimeSettings {
  /** Empty: no Authorization header, for servers of one's own. */
  readonly apiKey: string;
  /** As the vendor writes it, e.g. `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** For agents that name none. */
  readonly voice?: string | undefined;
  readonly maxOutputTokens?: number | 'inf' | undefined;
  readonly turnDetection: TurnDetectionSettings;
  /** Sent only to models that reason. */
  readonly reasoningEffort?: 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | undefined;
  /** `language`: for agents that name none. */
  readonly transcription?: { readonly model: string; readonly language?: string | undefined } | undefined;
  readonly noiseReduction?: 'near_field' | 'far_field' | undefined;
  /** 0.25 to 1.5. */
  readonly speed?: number | undefined;
  /** What is told to be heard stays this far below what the server generated. */
  readonly truncateMarginMs: number;
  /** From the first packet until the session takes audio. */
  readonly connectTimeoutMs: number;
  readonly safetyIdentifier?: string | undefined;
}

export type TurnDetectionSettings =
  | {
      readonly type: 'server_vad';
      /** 0 to 1; higher needs louder speech. */
      readonly threshold?: number | undefined;
      readonly prefixPaddingMs?: number | undefined;
      readonly silenceDurationMs?: number | undefined;
    }
  | { readonly type: 'semantic_vad'; readonly eagerness?: 'low' | 'medium' | 'high' | 'auto' | undefined };

/** What sets one vendor's dialect of the Realtime API apart. */
export interface RealtimeProfile {
  readonly name: string;
  /** Longest life of a session, milliseconds; undefined: not known. */
  readonly maxAgeMs: number | undefined;
  /** Formats that the server takes and gives; the first is the one for everything else. */
  readonly formats: readonly [AudioFormat, ...AudioFormat[]];
  /** `response.created` carries the metadata of `response.create`, so that a request is told from an answer to speech. */
  readonly echoesMetadata: boolean;
  reasons(model: string): boolean;
  headers(settings: OpenAiRealtimeSettings): Record<string, string>;
}

const formats: RealtimeProfile['formats'] = [pcm16At(24_000), pcmu8k, pcma8k];

/** OpenAI itself: 60 minutes per session. Never the header `OpenAI-Beta`: the server closes with 4000. */
const openAi: RealtimeProfile = {
  name: 'openai',
  maxAgeMs: 60 * 60_000,
  formats,
  echoesMetadata: true,
  // `gpt-realtime-2`, `gpt-realtime-2.1-mini`, ... but not `gpt-realtime-2025-08-28`.
  reasons: (model) => /^gpt-realtime-2(?:[.-]|$)/.test(model),
  headers: bearerHeaders,
};

/** Anything else that speaks the dialect, the emulator among them; what it lacks is tolerated. */
const compatible: RealtimeProfile = {
  ...openAi,
  name: 'compatible',
  maxAgeMs: undefined,
  echoesMetadata: false,
};

export function profileFor(baseUrl: string): RealtimeProfile {
  const host = readUrl(baseUrl).hostname;
  return host === 'api.openai.com' || host.endsWith('.api.openai.com') ? openAi : compatible;
}

/**
 * The socket's address for an API's base URL: `http://127.0.0.1:9000/v1` gives
 * `ws://127.0.0.1:9000/v1/realtime?model=...`. Keeps a path and a query. Throws PATCHCORD_CONFIG_INVALID.
 */
export function deriveRealtimeUrl(baseUrl: string, model: string): string {
  const url = readUrl(baseUrl);
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  const path = url.pathname.replace(/\/+$/, '');
  const target = new URL(`${secure ? 'wss' : 'ws'}://${url.host}`);
  target.pathname = path.endsWith('/realtime') ? path : `${path}/realtime`;
  target.search = url.search;
  target.searchParams.set('model', model);
  return target.href;
}

/** The session's format for a wish: the wish where the server has it, else the server's first. */
export function chooseFormat(profile: RealtimeProfile, wish: AudioFormat): AudioFormat {
  const same = (format: AudioFormat): boolean =>
    format.encoding === wish.encoding && format.sampleRate === wish.sampleRate;
  return profile.formats.find(same) ?? profile.formats[0];
}

function bearerHeaders(settings: OpenAiRealtimeSettings): Record<string, string> {
  return {
    ...(settings.apiKey === '' ? {} : { Authorization: `Bearer ${settings.apiKey}` }),
    ...(settings.safetyIdentifier === undefined
      ? {}
      : { 'OpenAI-Safety-Identifier': settings.safetyIdentifier }),
  };
}

function readUrl(baseUrl: string): URL {
  const url = URL.parse(baseUrl);
  if (url === null || !/^(?:https?|wss?):$/.test(url.protocol)) {
    throw new PatchcordError(
      'PATCHCORD_CONFIG_INVALID',
      'The base URL of the model is not an http or ws address.',
    );
  }
  return url;
}
