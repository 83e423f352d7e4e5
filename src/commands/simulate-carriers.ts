import { simulatedAsterisk, simulatedAudioSocket } from './simulate-asterisk.ts';
import { avr, avrHttp } from './simulate-avr.ts';
import { genesys } from './simulate-genesys.ts';
import { simulatedPlivo } from './simulate-plivo.ts';
import { simulatedTelnyx } from './simulate-telnyx.ts';
import { simulatedTwilio } from './simulate-twilio.ts';
import type { SimulatedCarrier } from './simulated-call.ts';

/** A later carrier joins with a line here. */
export const simulatedCarriers: Readonly<Record<string, SimulatedCarrier>> = {
  twilio: simulatedTwilio,
  telnyx: simulatedTelnyx,
  plivo: simulatedPlivo,
  genesys,
  avr,
  'avr-http': avrHttp,
  audiosocket: simulatedAudioSocket,
  asterisk: simulatedAsterisk,
};
