import type { Clock } from '../base/clock.ts';
import type { NetworkOptions } from '../emulators/network.ts';
import type { CallerStep } from '../emulators/phone/caller.ts';
import type { PhoneCallRecord } from '../emulators/phone/line-record.ts';
import type { MediaPlayerOptions } from '../emulators/phone/media-player.ts';

/** What `patchcord simulate` was asked for. */
export interface SimulateOptions {
  readonly carrier: SimulatedCarrier;
  readonly url: string;
  readonly publicUrl: string;
  /** Where the call begins at the gateway: the carrier's usual path unless another was asked for. */
  readonly webhook: string;
  /** The carrier's own options by their names, those alone that it has and that have a value. */
  readonly own: Readonly<Record<string, string>>;
  readonly calls: number;
  readonly concurrency: number;
  readonly perSecond: number;
  readonly callMs: number;
  readonly wav: string | undefined;
  readonly bargeIns: number;
  readonly bargeInAfterMs: number;
  readonly callerFirst: boolean;
  readonly noise: boolean;
  readonly digits: string;
  readonly jitterMs: number;
  readonly markJitterMs: number;
  readonly delayMs: number;
  readonly stallMs: number;
  readonly dropProbability: number;
  readonly modelPort: number | undefined;
  readonly seed: number;
  readonly json: boolean;
}

/** What every fake call takes, whatever the carrier. */
export interface SimulatedCaller {
  readonly clock: Clock;
  readonly gatewayUrl: string;
  readonly publicUrl: string;
  /** E.164, another one for each call. */
  readonly from: string;
  readonly steps: readonly CallerStep[];
  readonly background: 'silence' | 'noise';
  readonly network: NetworkOptions;
  readonly seed: number;
  readonly player: MediaPlayerOptions;
  readonly maxCallMs: number;
}

/** A fake call of any carrier. `run` never rejects. */
export interface FakeCall {
  run(): Promise<PhoneCallRecord>;
  hangUp(): void;
}

/** An option of the command that one carrier alone has. */
export interface CarrierOption {
  readonly name: string;
  /** What stands for the value in the help: `TOKEN`. */
  readonly value: string;
  readonly meaning: string;
  /** Environment variables that are read where the option is not given, the first that is set. */
  readonly env?: readonly string[];
  readonly default?: string;
}

/** The carrier while the simulation runs. */
export interface RunningCarrier {
  newCall(caller: SimulatedCaller): FakeCall;
  close?(): Promise<void>;
}

export interface SimulatedCarrier {
  /** Path where a call begins at the gateway; empty where it begins with no request at all. */
  readonly webhook: string;
  readonly options: readonly CarrierOption[];
  /** True: its wire tells no keys, so that --digits would do nothing. */
  readonly tellsNoKeys?: boolean;
  /** What to do when the gateway refuses calls with 401 or 403. */
  readonly whenRefused: readonly string[];
  /** What to do when nobody listens, where calls do not go to --url. */
  readonly whenUnreachable?: readonly string[];
  /** `say` tells the user something that is no result, a line at a time. */
  start(options: SimulateOptions, clock: Clock, say: (line: string) => void): Promise<RunningCarrier>;
}
