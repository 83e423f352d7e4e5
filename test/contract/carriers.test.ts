import { carrierContract } from './carrier-contract.ts';
import { avrDriver } from './drivers/avr.ts';
import { avrHttpDriver } from './drivers/avr-http.ts';
import { genesysDriver } from './drivers/genesys.ts';
import { plivoDriver, plivoWidebandDriver } from './drivers/plivo.ts';
import { softphoneDriver } from './drivers/softphone.ts';
import { telnyxAlawDriver, telnyxDriver, telnyxWidebandDriver } from './drivers/telnyx.ts';
import { twilioDriver } from './drivers/twilio.ts';

carrierContract('twilio', twilioDriver);
carrierContract('telnyx', telnyxDriver);
carrierContract('telnyx with A-law', telnyxAlawDriver);
carrierContract('telnyx in wideband', telnyxWidebandDriver);
carrierContract('plivo', plivoDriver);
carrierContract('plivo in wideband', plivoWidebandDriver);
carrierContract('the softphone', softphoneDriver);
carrierContract('genesys', genesysDriver);
carrierContract('avr', avrDriver);
carrierContract('avr-http', avrHttpDriver);
