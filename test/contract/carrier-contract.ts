import { describe, it } from 'vitest';
import { badInputCases } from './carrier-bad-input.ts';
import { bargeInCases } from './carrier-barge-in.ts';
import { conversationCases } from './carrier-conversation.ts';
import type { CarrierCall, CarrierDriver, Prepared } from './carrier-driver.ts';
import { endingCases } from './carrier-endings.ts';
import { modelTroubleCases } from './carrier-model-trouble.ts';

/** Real sockets, caller and gateway share a process and its clock: where it was held up for long, once more. */
const starved = 2;

/**
 * What every carrier owes its callers, told through the whole gateway over real sockets. A carrier joins with a
 * driver of its own and one line: `carrierContract('twilio', twilioDriver)`.
 */
export function carrierContract<Call extends CarrierCall, Ready extends Prepared>(
  name: string,
  driver: CarrierDriver<Call, Ready>,
): void {
  describe.concurrent(`a call over ${name}`, { retry: starved }, () => {
    conversationCases(driver);
    bargeInCases(driver);
    endingCases(driver);
    modelTroubleCases(driver);
    badInputCases(driver);
    const { digits } = driver.traits;
    if (digits !== true) it.skip(`has no test of what it cannot do: ${digits}`);
  });
}
