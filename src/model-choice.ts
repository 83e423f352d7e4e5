import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import type { SpeechModel } from './call/model-session.ts';
import type { Settings } from './config/schema.ts';
import { startOpenAiEmulator } from './emulators/openai-realtime/server.ts';
import { openAiRealtimeModel } from './models/openai-realtime/model.ts';
import type { OpenAiRealtimeSettings } from './models/openai-realtime/profiles.ts';
import { resilientModel } from './models/resilient.ts';

/** The model that answers calls, and what has to be closed with it. */
export interface ModelChoice {
  readonly model: SpeechModel;
  /** True: no model is configured; the demo voice answers from inside this process. */
  readonly demo: boolean;
  close(): Promise<void>;
}

export async function chooseModel(settings: Settings, clock: Clock, log: Logger): Promise<ModelChoice> {
  const { apiKey } = settings.openai;
  const resume = {
    clock,
    connectBoundMs: settings.model.connectBoundMs,
    resumeBoundMs: settings.model.resumeBoundMs,
  };
  if (apiKey !== undefined) {
    const model = openAiRealtimeModel(realtimeSettings(settings, apiKey, settings.openai.baseUrl), {
      clock,
      log,
    });
    return { model: resilientModel(model, resume), demo: false, close: () => Promise.resolve() };
  }
  const emulator = await startOpenAiEmulator({ host: '127.0.0.1', port: 0, faultsByQuery: false });
  const local = openAiRealtimeModel(realtimeSettings(settings, '', emulator.url), { clock, log });
  return {
    model: {
      name: 'demo voice',
      open: (options, events) => resilientModel(local, resume).open(options, events),
    },
    demo: true,
    close: () => emulator.close(),
  };
}

/** The default agent's model, as the settings have it. */
export function realtimeSettings(
  settings: Settings,
  apiKey: string,
  baseUrl: string,
): OpenAiRealtimeSettings {
  const { openai } = settings;
  return {
    apiKey,
    baseUrl,
    model: openai.model,
    voice: openai.voice,
    maxOutputTokens: openai.maxOutputTokens,
    turnDetection:
      openai.turnDetection === 'semantic_vad'
        ? { type: 'semantic_vad', eagerness: openai.turnDetectionEagerness }
        : {
            type: 'server_vad',
            threshold: openai.vadThreshold,
            prefixPaddingMs: openai.vadPrefixPaddingMs,
            silenceDurationMs: openai.vadSilenceDurationMs,
          },
    reasoningEffort: openai.reasoningEffort,
    transcription: openai.transcriptionModel
      ? { model: openai.transcriptionModel, language: openai.language }
      : undefined,
    noiseReduction: openai.noiseReduction,
    speed: openai.speed === 1 ? undefined : openai.speed,
    truncateMarginMs: openai.truncateMarginMs,
    connectTimeoutMs: openai.connectTimeoutMs,
    safetyIdentifier: openai.safetyIdentifier,
  };
}
