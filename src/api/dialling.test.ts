import { describe, expect, it, vi } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { CallDirectory } from '../call/directory.ts';
import { type Dialler, Dialling, type DiallingOptions } from './dialling.ts';
import { e164, isCovered } from './phone-number.ts';
import { endedEvent } from './test-fixtures.ts';

class FakeCarrier implements Dialler {
  readonly name: string = 'twilio';
  readonly dialMissing: readonly string[] = [];
  readonly dialled: unknown[] = [];
  fails: unknown;
  /** What happens before the carrier has answered. */
  meanwhile: (callId: string) => void = () => undefined;

  async dial(request: Parameters<Required<Dialler>['dial']>[0]) {
    this.dialled.push(request);
    const callId = `call-${this.dialled.length}`;
    await Promise.resolve();
    this.meanwhile(callId);
    if (this.fails !== undefined) throw this.fails;
    return { callId, carrierCallId: `CA${this.dialled.length}`, more: true };
  }
}

function setUp(options: Partial<DiallingOptions> = {}) {
  const clock = new VirtualClock();
  const carrier = new FakeCarrier();
  const directory = new CallDirectory(silentLogger);
  const dialling = new Dialling({
    clock,
    carriers: [{ name: 'softphone', dialMissing: [] }, carrier],
    allow: ['+1', '+44'],
    maxConcurrent: 2,
    maxPerMinute: 5,
    admission: () => ({ admitted: true }),
    observe: (observer) => directory.observe(observer),
    ...options,
  });
  const end = (callId: string) => directory.tell(endedEvent(callId));
  return { clock, carrier, directory, dialling, end };
}

async function refusal(dialled: Promise<unknown>): Promise<PatchcordError> {
  const outcome = await dialled.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(outcome instanceof PatchcordError)) throw new Error(`not refused: ${String(outcome)}`);
  return outcome;
}

describe('dialling', () => {
  it('goes to the first carrier that can, with the number in E.164 and what the call brings', async () => {
    const { dialling, carrier } = setUp();
    const call = await dialling.dial('+1 (555) 123-0100', { voice: 'cedar' });
    expect(call).toEqual({ callId: 'call-1', carrierCallId: 'CA1', carrier: 'twilio' });
    expect(carrier.dialled).toEqual([{ to: '+15551230100', overrides: { voice: 'cedar' } }]);
  });

  it('stays shut until a carrier is configured, and says which settings are missing', async () => {
    const { dialling } = setUp({
      carriers: [
        { name: 'softphone', dialMissing: [] },
        { name: 'twilio', dialMissing: ['TWILIO_ACCOUNT_SID', 'TWILIO_PHONE_NUMBER'] },
      ],
    });
    const error = await refusal(dialling.dial('+15551230100'));
    expect(error).toMatchObject({
      code: 'PATCHCORD_DIAL_NOT_CONFIGURED',
      details: { setting: 'TWILIO_ACCOUNT_SID, TWILIO_PHONE_NUMBER' },
    });
    expect(error.message).toContain('TWILIO_ACCOUNT_SID');
  });

  it('names all that is missing at once, of the carrier that lacks least', async () => {
    const { dialling } = setUp({
      allow: [],
      carriers: [
        { name: 'twilio', dialMissing: ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_PHONE_NUMBER'] },
        { name: 'telnyx', dialMissing: ['TELNYX_FROM_NUMBER'] },
      ],
    });
    const error = await refusal(dialling.dial('+15551230100'));
    expect(error).toMatchObject({
      code: 'PATCHCORD_DIAL_NOT_CONFIGURED',
      message: 'To dial through telnyx, set TELNYX_FROM_NUMBER, PATCHCORD_DIAL_ALLOW.',
      details: { carrier: 'telnyx', setting: 'TELNYX_FROM_NUMBER, PATCHCORD_DIAL_ALLOW' },
    });
    const named = await refusal(dialling.dial('+15551230100', {}, 'twilio'));
    expect(named.details).toMatchObject({
      carrier: 'twilio',
      setting: 'TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_PHONE_NUMBER, PATCHCORD_DIAL_ALLOW',
    });
  });

  it('stays shut until prefixes are allowed, and names the setting', async () => {
    const { dialling, carrier } = setUp({ allow: [] });
    expect(await refusal(dialling.dial('+15551230100'))).toMatchObject({
      code: 'PATCHCORD_DIAL_NOT_ALLOWED',
      details: { setting: 'PATCHCORD_DIAL_ALLOW' },
    });
    expect(carrier.dialled).toEqual([]);
  });

  it.each([
    ['+4915112345678'],
    ['+19005551234'],
    ['+449012345678'],
    ['+447012345678'],
    ['+882161234567'],
  ])('does not reach %s, which no prefix covers', async (to) => {
    const { dialling, carrier } = setUp({ allow: ['+1', '+44', '+8'] });
    expect((await refusal(dialling.dial(to))).code).toBe('PATCHCORD_DIAL_NOT_ALLOWED');
    expect(carrier.dialled).toEqual([]);
  });

  it.each([
    ['0015551230100'],
    ['15551230100'],
    ['+15551'],
    ['+0555123010'],
    ['911'],
    ['+911'],
    ['+1555123010012345'],
    ['+1555CALLNOW'],
    ['+15551230100,,123'],
    ['+15551230100;ext=5'],
    ['sip:+15551230100@example.com'],
    ['++15551230100'],
    ['+15551230100\n+15551230101'],
    ['+１５５５１２３０１００'],
    [''],
  ])('refuses %j, which is no number', async (to) => {
    const { dialling, carrier } = setUp({ allow: ['+'] });
    expect((await refusal(dialling.dial(to))).code).toBe('PATCHCORD_REQUEST_INVALID');
    expect(carrier.dialled).toEqual([]);
  });

  it('refuses a carrier that is not there, or that can never dial', async () => {
    const { dialling } = setUp();
    expect((await refusal(dialling.dial('+15551230100', {}, 'other'))).code).toBe(
      'PATCHCORD_REQUEST_INVALID',
    );
    expect((await refusal(dialling.dial('+15551230100', {}, 'softphone'))).code).toBe(
      'PATCHCORD_DIAL_NOT_CONFIGURED',
    );
  });

  it('asks whether one more call may be taken', async () => {
    const error = new PatchcordError('PATCHCORD_DRAINING');
    const { dialling, carrier } = setUp({ admission: () => ({ admitted: false, error }) });
    expect(await refusal(dialling.dial('+15551230100'))).toBe(error);
    expect(carrier.dialled).toEqual([]);
  });

  it('counts a call from the dial to its end', async () => {
    const { dialling, end } = setUp();
    await dialling.dial('+15551230100');
    const [second, third] = [dialling.dial('+15551230101'), refusal(dialling.dial('+15551230102'))];
    expect(await third).toMatchObject({
      code: 'PATCHCORD_DIAL_LIMIT',
      details: { setting: 'PATCHCORD_DIAL_MAX_CONCURRENT' },
    });
    await second;
    expect(dialling.concurrent).toBe(2);
    end('call-1');
    expect(dialling.concurrent).toBe(1);
    await dialling.dial('+15551230103');
    expect(dialling.concurrent).toBe(2);
  });

  it('gives the place back when the call is over before the carrier has answered', async () => {
    const { dialling, carrier, end } = setUp();
    carrier.meanwhile = end;
    for (let n = 0; n < 4; n++) await dialling.dial('+15551230100');
    expect(dialling.concurrent).toBe(0);
  });

  it('keeps no ends of other calls, however long dials overlap', async () => {
    const { dialling, carrier, end } = setUp({ maxConcurrent: 10, maxPerMinute: 10_000 });
    carrier.meanwhile = (callId) => {
      for (let n = 0; n < 200; n++) end(`inbound-${callId}-${n}`);
      end(callId);
    };
    let most = 0;
    const { add } = Set.prototype;
    const spy = vi.spyOn(Set.prototype, 'add').mockImplementation(function (this: Set<unknown>, value) {
      add.call(this, value);
      if (String(value).startsWith('inbound-')) most = Math.max(most, this.size);
      return this;
    });
    let pending = dialling.dial('+15551230100');
    for (let n = 0; n < 20; n++) {
      const next = dialling.dial('+15551230100');
      await pending;
      pending = next;
    }
    await pending;
    spy.mockRestore();
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1000);
    expect(dialling.concurrent).toBe(0);
  });

  it('gives the place back when the carrier fails, and passes its error on', async () => {
    const { dialling, carrier } = setUp();
    carrier.fails = new PatchcordError('PATCHCORD_CARRIER_API', 'twilio: 400', { status: 400 });
    expect(await refusal(dialling.dial('+15551230100'))).toBe(carrier.fails);
    carrier.fails = new Error('boom');
    expect((await refusal(dialling.dial('+15551230100'))).code).toBe('PATCHCORD_DIAL_FAILED');
    expect(dialling.concurrent).toBe(0);
  });

  it('begins no more calls in any minute than the cap, failed ones too', async () => {
    const { dialling, carrier, clock, end } = setUp({ maxPerMinute: 2 });
    await dialling.dial('+15551230100');
    end('call-1');
    clock.advance(30_000);
    carrier.fails = new Error('boom');
    await refusal(dialling.dial('+15551230100'));
    carrier.fails = undefined;
    const over = { code: 'PATCHCORD_DIAL_LIMIT', details: { setting: 'PATCHCORD_DIAL_MAX_PER_MINUTE' } };
    expect(await refusal(dialling.dial('+15551230100'))).toMatchObject(over);
    clock.advance(29_999);
    expect(await refusal(dialling.dial('+15551230100'))).toMatchObject(over);
    clock.advance(1);
    await dialling.dial('+15551230100');
    expect(await refusal(dialling.dial('+15551230100'))).toMatchObject(over);
  });

  it.each([['maxConcurrent'], ['maxPerMinute']] as const)('is off with %s 0', async (name) => {
    const { dialling } = setUp({ [name]: 0 });
    expect((await refusal(dialling.dial('+15551230100'))).code).toBe('PATCHCORD_DIAL_LIMIT');
  });

  it('tells the console which carriers can dial and what the others need', () => {
    const needs = { name: 'telnyx', dialMissing: ['TELNYX_API_KEY'] };
    const able = new FakeCarrier();
    const softphone = { name: 'softphone', dialMissing: [] };
    expect(setUp({ carriers: [softphone, able, needs] }).dialling.carriers()).toEqual([
      { name: 'softphone', canDial: false, missing: [] },
      { name: 'twilio', canDial: true, missing: [] },
      { name: 'telnyx', canDial: false, missing: ['TELNYX_API_KEY'] },
    ]);
    expect(setUp({ carriers: [softphone, able, needs], allow: [] }).dialling.carriers()).toEqual([
      { name: 'softphone', canDial: false, missing: [] },
      { name: 'twilio', canDial: false, missing: ['PATCHCORD_DIAL_ALLOW'] },
      { name: 'telnyx', canDial: false, missing: ['TELNYX_API_KEY', 'PATCHCORD_DIAL_ALLOW'] },
    ]);
  });

  it('lets a transfer through the same gate', () => {
    const { dialling } = setUp({ maxPerMinute: 2 });
    const codeOf = (to: string, callerId?: string): string => {
      try {
        dialling.transferTarget(to, callerId);
        return 'none';
      } catch (thrown) {
        return thrown instanceof PatchcordError ? thrown.code : String(thrown);
      }
    };
    expect(dialling.transferTarget('+1 555 123 0100')).toEqual({ to: '+15551230100' });
    expect(codeOf('+4915112345678')).toBe('PATCHCORD_DIAL_NOT_ALLOWED');
    expect(codeOf('+18765551234')).toBe('PATCHCORD_DIAL_NOT_ALLOWED');
    expect(codeOf('sip:desk@example.com')).toBe('PATCHCORD_REQUEST_INVALID');
    expect(codeOf('+15551230100', 'Alice')).toBe('PATCHCORD_REQUEST_INVALID');
    expect(dialling.transferTarget('+15551230100', '+1 555 123 0101')).toEqual({
      to: '+15551230100',
      callerId: '+15551230101',
    });
    expect(codeOf('+15551230100')).toBe('PATCHCORD_DIAL_LIMIT');
    expect(() => setUp({ allow: [] }).dialling.transferTarget('+15551230100')).toThrow(
      'PATCHCORD_DIAL_ALLOW',
    );
  });

  it('no longer listens to calls once it is closed', async () => {
    const { dialling, end } = setUp();
    await dialling.dial('+15551230100');
    dialling.close();
    end('call-1');
    expect(dialling.concurrent).toBe(1);
  });
});

describe('a number', () => {
  it.each([
    ['+1 555 123 0100', '+15551230100'],
    ['+1-555-123-0100', '+15551230100'],
    ['+1.555.123.0100', '+15551230100'],
    ['+44 (20) 7946 0000', '+442079460000'],
    [' +15551230100 ', '+15551230100'],
  ])('%j may be written with blanks and marks', (written, number) => {
    expect(e164(written)).toBe(number);
  });

  it.each([
    ['+44 (0)20 7946 0000'],
    ['+44 (0) 20 7946 0000'],
    ['+44(0)2079460000'],
    ['+49 ( 0 ) 30 1234567'],
  ])('%j with a trunk 0 in brackets is refused: who dials it from abroad leaves that out', (written) => {
    expect(e164(written)).toBeUndefined();
  });

  it('that costs extra needs a prefix of its own', () => {
    expect(isCovered('+19005551234', ['+1'])).toBe(false);
    expect(isCovered('+19005551234', ['+1', '+1900'])).toBe(true);
    expect(isCovered('+19005551234', ['+1900555'])).toBe(true);
    expect(isCovered('+18005551234', ['+1'])).toBe(true);
    expect(isCovered('+15551230100', [''])).toBe(false);
  });

  it.each(
    '242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876'.split(' '),
  )('in another country that shares +1 needs the prefix of that country: +1%s', (area) => {
    expect(isCovered(`+1${area}5551234`, ['+1'])).toBe(false);
    expect(isCovered(`+1${area}5551234`, ['+1', `+1${area.slice(0, 2)}`])).toBe(false);
    expect(isCovered(`+1${area}5551234`, ['+1', `+1${area}`])).toBe(true);
  });

  it.each([
    '212',
    '416',
    '867',
    '340',
    '670',
    '671',
    '684',
    '787',
    '939',
    '800',
  ])('in the US, its territories and Canada is covered by +1: +1%s', (area) => {
    expect(isCovered(`+1${area}5551234`, ['+1'])).toBe(true);
  });

  it('of the pay-per-call exchange 976 needs a prefix of its own, but a toll-free one is as any other', () => {
    expect(isCovered('+12129761234', ['+1', '+1212'])).toBe(false);
    expect(isCovered('+12129761234', ['+1', '+1212976'])).toBe(true);
    expect(isCovered('+18769761234', ['+1', '+1876'])).toBe(false);
    expect(isCovered('+18769761234', ['+1876976'])).toBe(true);
    expect(isCovered('+18009761234', ['+1'])).toBe(true);
    expect(isCovered('+12125559761', ['+1'])).toBe(true);
  });
});
