import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeAmi } from '../../../test/support/avr-ami.ts';
import { SystemClock } from '../../base/clock.ts';
import { carrierSaid } from '../http-api.ts';
import { AmiHelper } from './ami.ts';

let ami: FakeAmi;
let helper: AmiHelper;

beforeEach(async () => {
  ami = await FakeAmi.start();
  helper = new AmiHelper(ami.url, new SystemClock());
});
afterEach(() => ami.close());

describe('the AMI helper', () => {
  it('000 AMI bodies: hangup, transfer and variables as avr-ami takes them', async () => {
    await helper.hangUp('u1');
    await helper.transfer('u1', { exten: '600', context: 'demo', priority: 1 });
    await helper.variables('u1');
    expect(ami.requests).toEqual([
      { path: '/hangup', body: { uuid: 'u1' } },
      { path: '/transfer', body: { uuid: 'u1', exten: '600', context: 'demo', priority: 1 } },
      { path: '/variables', body: { uuid: 'u1' } },
    ]);
  });

  it('tells of the caller what it knows, under whatever name', async () => {
    ami.reply = {
      status: 200,
      body: { uuid: 'u1', channel: 'PJSIP/1', caller_id: '2000', callerName: 'Ada' },
    };
    expect(await helper.variables('u1')).toEqual({ phone: '2000', name: 'Ada' });
    ami.reply = { status: 200, body: [1] };
    expect(await helper.variables('u1')).toEqual({ phone: undefined, name: undefined });
  });

  it('says no in its own words', async () => {
    ami.reply = { status: 404, body: { message: 'Call with UUID u1 not found' } };
    const thrown: unknown = await helper.hangUp('u1').catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'PATCHCORD_CARRIER_API', details: { status: 404 } });
    expect(carrierSaid(thrown)).toBe('Call with UUID u1 not found');
  });
});
