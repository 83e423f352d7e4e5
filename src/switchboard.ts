import { randomUUID } from 'node:crypto';
import { AgentSource } from './agents/agent-source.ts';
import type { InstructionSources } from './agents/instructions.ts';
import { loadPhrase } from './agents/phrases.ts';
import type { Clock } from './base/clock.ts';
import { PatchcordError } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import { Call } from './call/call.ts';
import { CallDirectory } from './call/directory.ts';
import { endCallTool } from './call/end-call.ts';
import { FrameTicker } from './call/frame-ticker.ts';
import type { Leg } from './call/leg.ts';
import type { SpeechModel } from './call/model-session.ts';
import type { Phrase } from './call/phrase.ts';
import { checkedTools, type Tool } from './call/tools.ts';
import type { AcceptedCall, CallExtras, CallOverrides, CarrierHost } from './carriers/carrier.ts';
import type { Settings } from './config/schema.ts';

export interface SwitchboardOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly model: SpeechModel;
  /** What agents may call beside the built-in tools. */
  readonly tools?: readonly Tool[];
  /** Told about every refused or malformed peer. */
  peerRefused(carrier: string, error: PatchcordError): void;
  /** What the sources of instructions say of one call, by the carrier's id of it. Never rejects. */
  lookUp(carrierCallId: string): Promise<CallOverrides>;
  /** Told about every call that was not admitted. */
  callRefused(error: PatchcordError): void;
}

/** Where the instructions of the default agent come from. */
export function instructionSources({ openai }: Settings): InstructionSources {
  const { instructions, instructionsUrl, instructionsFile, instructionsTimeoutMs } = openai;
  return { instructions, instructionsUrl, instructionsFile, instructionsTimeoutMs };
}

/** Time for the carriers to be told that calls are cut. */
const cutMs = 500;
/** Time for a goodbye when the drain bound has passed. */
const lastGoodbyeMs = 15_000;

/** Makes calls of legs, admits or refuses them, and lets them end. One per process. */
export class Switchboard {
  readonly directory: CallDirectory;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #model: SpeechModel;
  readonly #tools: readonly Tool[];
  readonly #agents: AgentSource;
  readonly #apology: Phrase;
  readonly #ticker: FrameTicker;
  readonly #told: Pick<SwitchboardOptions, 'peerRefused' | 'callRefused' | 'lookUp'>;
  #draining = false;

  private constructor(options: SwitchboardOptions, agents: AgentSource) {
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#model = options.model;
    this.#ticker = new FrameTicker({ clock: options.clock, log: options.log });
    this.#tools = checkedTools([endCallTool, ...(options.tools ?? [])]);
    this.#told = options;
    this.#agents = agents;
    this.#apology = loadPhrase(
      'apology',
      "I'm sorry, something went wrong on our side. Please call again later. Goodbye.",
    );
    this.directory = new CallDirectory(options.log);
  }

  /** @throws PatchcordError PATCHCORD_CONFIG_INVALID */
  static async create(options: SwitchboardOptions): Promise<Switchboard> {
    const { openai, agent } = options.settings;
    const source = {
      ...instructionSources(options.settings),
      voice: openai.voice,
      language: openai.language,
      whoSpeaksFirst: agent.whoSpeaksFirst,
      greeting: agent.greeting,
      greetingInterruptible: agent.greetingInterruptible,
    };
    return new Switchboard(options, await AgentSource.load(source, options.clock, options.log));
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** What carriers may ask of the gateway. */
  get host(): CarrierHost {
    const allowed: readonly string[] = this.#settings.carriers.allowUnsigned;
    return {
      clock: this.#clock,
      log: this.#log,
      publicUrl: this.#settings.server.publicUrl,
      allowsUnsigned: (carrier) => allowed.includes(carrier),
      admission: () => {
        const error = this.#refusal();
        if (!error) return { admitted: true };
        this.#told.callRefused(error);
        return { admitted: false, error };
      },
      accept: (leg, extras) => this.accept(leg, extras),
      lookUp: (carrierCallId) => this.#told.lookUp(carrierCallId),
      refused: (carrier, error, fields) => {
        this.#log.warn({ ...error.details, ...fields, carrier, code: error.code }, error.message);
        this.#told.peerRefused(carrier, error);
      },
    };
  }

  /** @throws PatchcordError PATCHCORD_DRAINING, PATCHCORD_CALL_LIMIT */
  accept(leg: Leg, extras: CallExtras = {}): AcceptedCall {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    const callId = `call_${randomUUID().replaceAll('-', '').slice(0, 20)}`;
    const call = new Call({
      callId,
      leg,
      agent: this.#agents.agent(extras.overrides, leg.party.direction),
      model: this.#model,
      tools: this.#toolsWith(extras),
      limits: this.#settings.call,
      apology: this.#apology,
      clock: this.#clock,
      ticker: this.#ticker,
      log: this.#log.child({ callId, carrier: leg.carrier }),
      observe: this.directory.tell,
      followed: this.directory.followed,
    });
    this.directory.add(call);
    call.start();
    return { callId };
  }

  /**
   * No new calls from now on. Settles when the last live call has ended: on its own, or after the bound with a
   * goodbye, or cut when even that takes too long.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    const { timeoutMs } = this.#settings.drain;
    this.#log.info({ liveCalls: this.directory.size, timeoutMs }, 'draining: no new calls are taken');
    if (await this.#emptied(timeoutMs)) return;
    this.#log.warn({ liveCalls: this.directory.size }, 'the drain bound has passed: saying goodbye');
    for (const call of this.directory.calls()) {
      call.finish('drain', 'The line has to be closed now. Apologise in one short sentence and say goodbye.');
    }
    if (await this.#emptied(lastGoodbyeMs)) return;
    for (const call of this.directory.calls()) call.end('drain');
    await this.#emptied(this.#settings.call.endTimeoutMs + 1000);
  }

  /** Somebody cannot wait for the drain: live calls end without a goodbye. Settles when their carriers know, within half a second. */
  async cutShort(): Promise<void> {
    this.#draining = true;
    this.#log.warn({ liveCalls: this.directory.size }, 'told to stop again: live calls are cut');
    for (const call of this.directory.calls()) call.end('drain');
    await this.#emptied(cutMs);
  }

  /** A tool of this very call takes the place of ours of the same name, and the carrier's that of both. */
  #toolsWith({ overrides, tools = [] }: CallExtras): readonly Tool[] {
    const own = [...(overrides?.tools ?? []), ...tools];
    if (own.length === 0) return this.#tools;
    return [...new Map([...this.#tools, ...own].map((tool) => [tool.name, tool])).values()];
  }

  /** Whether no call is left, at the latest after `boundMs`. */
  #emptied(boundMs: number): Promise<boolean> {
    if (this.directory.size === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        stop();
        resolve(this.directory.size === 0);
      };
      const timer = this.#clock.setTimeout(finish, boundMs);
      const stop = this.directory.observe((event) => {
        if (event.type === 'call.ended' && this.directory.size === 0) finish();
      });
    });
  }

  #refusal(): PatchcordError | undefined {
    if (this.#draining) return new PatchcordError('PATCHCORD_DRAINING');
    const { maxCalls } = this.#settings.call;
    if (this.directory.size < maxCalls) return undefined;
    return new PatchcordError('PATCHCORD_CALL_LIMIT', undefined, {
      maxCalls,
      setting: 'PATCHCORD_MAX_CALLS',
    });
  }
}
