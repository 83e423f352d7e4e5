import type { Logger } from '../../src/base/logger.ts';
import type { CallEvent, CallEventBody } from '../../src/call/events.ts';
import { loadSettings } from '../../src/config/environment.ts';
import {
  type ScriptedResponse,
  scriptedBehaviour,
} from '../../src/emulators/openai-realtime/behaviours/scripted.ts';
import type { Faults } from '../../src/emulators/openai-realtime/faults.ts';
import type { Pace } from '../../src/emulators/openai-realtime/pace.ts';
import { type OpenAiEmulator, startOpenAiEmulator } from '../../src/emulators/openai-realtime/server.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { type ModelTap, startModelTap } from './model-tap.ts';
import { Watch } from './watch.ts';

export interface StageOptions {
  /** What the model says, response by response; then it says nothing. */
  readonly script?: readonly ScriptedResponse[];
  readonly faults?: Faults;
  /** Faults by the number of the model's session, from 1. */
  readonly faultsFor?: (number: number) => Faults;
  readonly pace?: Partial<Pace>;
  readonly env?: Readonly<Record<string, string>>;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

type EventOf<T extends CallEventBody['type']> = Extract<CallEvent, { type: T }>;

/** The whole gateway and an emulated model with a tap between them, on sockets of its own. Every step is on record. */
export class Stage {
  readonly watch: Watch;
  readonly gateway: Gateway;
  readonly emulator: OpenAiEmulator;
  readonly tap: ModelTap;
  readonly log: LogLine[];
  readonly events: CallEvent[] = [];

  private constructor(parts: Pick<Stage, 'watch' | 'gateway' | 'emulator' | 'tap' | 'log'>) {
    this.watch = parts.watch;
    this.gateway = parts.gateway;
    this.emulator = parts.emulator;
    this.tap = parts.tap;
    this.log = parts.log;
    parts.gateway.switchboard.directory.observe((event) => {
      this.events.push(event);
      parts.watch.changed();
    });
  }

  static async set(options: StageOptions = {}, watch = new Watch()): Promise<Stage> {
    const log: LogLine[] = [];
    const { script, faults, faultsFor, pace, env } = options;
    const emulator = await startOpenAiEmulator({
      behaviour: scriptedBehaviour(script),
      apiKeys: ['key-of-the-test'],
      pace: { latencyMs: 5, deltaMs: 100, speed: 20, transcriptDelayMs: 5, ...pace },
      ...(faults === undefined ? {} : { faults }),
      ...(faultsFor === undefined ? {} : { faultsFor: ({ number }) => faultsFor(number) }),
      onSession: watch.changed,
      transcribe: () => 'words of the caller',
    });
    const tap = await startModelTap(emulator.wsUrl, watch.changed);
    const settings = loadSettings({
      HOST: '127.0.0.1',
      PORT: '0',
      PUBLIC_URL: publicUrl,
      OPENAI_API_KEY: 'key-of-the-test',
      OPENAI_BASE_URL: tap.url,
      OPENAI_INSTRUCTIONS: 'Be brief.',
      OPENAI_VAD_SILENCE_DURATION_MS: '200',
      PATCHCORD_FIRST_SPEAKER: 'caller',
      PATCHCORD_NO_INPUT_MS: '0',
      PATCHCORD_MEDIA_LOST_MS: '0',
      PATCHCORD_DTMF_INTER_DIGIT_MS: '100',
      PATCHCORD_API_KEYS: apiKey,
      ...env,
    });
    const gateway = await startGateway({ settings, log: recordingLogger(log, watch.changed) });
    return new Stage({ watch, gateway, emulator, tap, log });
  }

  until(what: string, enough: () => boolean, withinMs?: number): Promise<void> {
    return this.watch.until(what, enough, withinMs);
  }

  /** The first event of this kind, once it is there. */
  async event<T extends CallEventBody['type']>(type: T, nth = 1): Promise<EventOf<T>> {
    await this.until(`event ${type}`, () => this.eventsOf(type).length >= nth);
    return this.eventsOf(type)[nth - 1] as EventOf<T>;
  }

  eventsOf<T extends CallEventBody['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  /** Warnings that name this code. */
  warnings(code: string): LogLine[] {
    return this.log.filter(({ fields }) => fields.code === code);
  }

  get liveCalls(): number {
    return this.gateway.switchboard.directory.size;
  }

  /** Client events that the model refused, over all sessions: there must be none. */
  rejections(): string[] {
    return this.emulator.sessions.flatMap((session) =>
      session.record.errors
        .filter(({ clientEventId, code }) => clientEventId !== null || raceCodes.includes(code))
        .map(({ code, message }) => `${code}: ${message}`),
    );
  }

  /** Nothing of any call is left: not in the directory, not at the model. */
  async empty(): Promise<void> {
    await this.until('an empty directory', () => this.liveCalls === 0);
    await this.until('no session left at the model', () => this.emulator.liveSessions === 0);
    await this.until('every socket to the model closed', () => this.tap.sessions.every(({ over }) => over));
  }

  async close(): Promise<void> {
    await this.gateway.close();
    await this.tap.close();
    await this.emulator.close();
  }
}

/** As the carriers know the gateway; nothing listens there. */
export const publicUrl = 'https://gw.example.com';
export const apiKey = 'api-key-of-the-test';

const raceCodes = ['conversation_already_has_active_response', 'response_cancel_not_active', 'invalid_value'];

function recordingLogger(lines: LogLine[], changed: () => void, bound: object = {}): Logger {
  const at =
    (level: LogLine['level']) =>
    (fields: object, message: string): void => {
      lines.push({ level, fields: { ...bound, ...fields }, message });
      changed();
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (bindings) => recordingLogger(lines, changed, { ...bound, ...bindings }),
  };
}
