/** Carriers that the generator can play. */
export const carrierNames = [
  'twilio',
  'telnyx',
  'plivo',
  'asterisk',
  'genesys',
  'avr',
  'audiosocket',
  'audiosocket-16k',
] as const;
export type CarrierName = (typeof carrierNames)[number];
