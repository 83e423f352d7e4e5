import { carrierContract } from './carrier-contract.ts';
import { asteriskDriver } from './drivers/asterisk.ts';
import { audioSocketDriver } from './drivers/audiosocket.ts';
import { softphoneDriver } from './drivers/softphone.ts';
import { twilioDriver } from './drivers/twilio.ts';

carrierContract('twilio', twilioDriver);
carrierContract('the softphone', softphoneDriver);
carrierContract('audiosocket', audioSocketDriver());
carrierContract('audiosocket-slin16', audioSocketDriver(16_000));
carrierContract('asterisk', asteriskDriver());
carrierContract('asterisk-slin16', asteriskDriver({ format: 'slin16' }));
carrierContract('asterisk-plain-text', asteriskDriver({ control: 'plain-text' }));
