import { SystemClock } from '../../src/base/clock.ts';
import { FakeAmiHelper } from '../../src/emulators/avr/ami-helper.ts';
import { FakeAvrCall, type FakeAvrCallOptions } from '../../src/emulators/avr/call.ts';
import { FakeAvrHttpCall, type FakeAvrHttpCallOptions } from '../../src/emulators/avr/http-call.ts';
import type { Stage, StageOptions } from '../contract/stage.ts';
import { onStage } from './on-stage.ts';

export const clock = new SystemClock();

/** A gateway with an AMI helper beside it, and calls of avr-core. */
export interface AvrStage {
  readonly stage: Stage;
  readonly ami: FakeAmiHelper;
  call(options?: Partial<FakeAvrCallOptions>): FakeAvrCall;
  httpCall(options?: Partial<FakeAvrHttpCallOptions>): FakeAvrHttpCall;
}

export async function onAvrStage(
  options: StageOptions,
  play: (it: AvrStage) => Promise<void>,
): Promise<void> {
  const ami = new FakeAmiHelper();
  const amiUrl = await ami.listen();
  try {
    await onStage({ ...options, env: { AMI_URL: amiUrl, ...options.env } }, (stage) => {
      const ofAll = { clock, gatewayUrl: stage.gateway.url, ami, maxCallMs: 15_000 };
      return play({
        stage,
        ami,
        call: (more) => new FakeAvrCall({ ...ofAll, ...more }),
        httpCall: (more) => new FakeAvrHttpCall({ ...ofAll, ...more }),
      });
    });
  } finally {
    await ami.close();
  }
}
