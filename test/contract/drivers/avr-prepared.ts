import { FakeAmiHelper } from '../../../src/emulators/avr/ami-helper.ts';
import type { Prepared } from '../carrier-driver.ts';

/** What stands beside avr-core: the helper that hangs up and transfers. */
export interface AvrPrepared extends Prepared {
  readonly ami: FakeAmiHelper;
}

/** One address alone may connect, so that there can be others that may not. */
export const allowedAddress = '127.0.0.1';
export const strangeAddress = '127.0.0.2';

export async function prepare(changed: () => void): Promise<AvrPrepared> {
  const ami = new FakeAmiHelper(changed);
  const amiUrl = await ami.listen();
  return { ami, env: { AMI_URL: amiUrl, AVR_ALLOW: allowedAddress }, close: () => ami.close() };
}
