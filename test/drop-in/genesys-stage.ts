import { SystemClock } from '../../src/base/clock.ts';
import { FakeGenesysCall, type FakeGenesysCallOptions } from '../../src/emulators/genesys/call.ts';
import { apiKey, clientSecret } from '../contract/drivers/genesys-call.ts';
import { publicUrl, type Stage, type StageOptions } from '../contract/stage.ts';
import { onStage } from './on-stage.ts';

export const clock = new SystemClock();

/** A gateway with a Genesys integration, and its calls. */
export interface GenesysStage {
  readonly stage: Stage;
  call(options?: Partial<FakeGenesysCallOptions>): FakeGenesysCall;
}

export function onGenesysStage(
  options: StageOptions,
  play: (it: GenesysStage) => Promise<void>,
): Promise<void> {
  const env = { GENESYS_API_KEY: apiKey, GENESYS_CLIENT_SECRET: clientSecret, ...options.env };
  return onStage({ ...options, env }, (stage) =>
    play({
      stage,
      call: (more) =>
        new FakeGenesysCall({
          clock,
          gatewayUrl: stage.gateway.url,
          publicUrl,
          apiKey,
          clientSecret,
          maxCallMs: 15_000,
          ...more,
        }),
    }),
  );
}
