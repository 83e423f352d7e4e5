import { carrierContract } from './carrier-contract.ts';
import { softphoneDriver } from './drivers/softphone.ts';
import { twilioDriver } from './drivers/twilio.ts';

carrierContract('twilio', twilioDriver);
carrierContract('the softphone', softphoneDriver);
