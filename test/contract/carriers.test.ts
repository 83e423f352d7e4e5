import { carrierContract } from './carrier-contract.ts';
import { avrDriver } from './drivers/avr.ts';
import { avrHttpDriver } from './drivers/avr-http.ts';
import { genesysDriver } from './drivers/genesys.ts';
import { softphoneDriver } from './drivers/softphone.ts';
import { twilioDriver } from './drivers/twilio.ts';

carrierContract('twilio', twilioDriver);
carrierContract('the softphone', softphoneDriver);
carrierContract('genesys', genesysDriver);
carrierContract('avr', avrDriver);
carrierContract('avr-http', avrHttpDriver);
