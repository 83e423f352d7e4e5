import { beforeEach, describe, expect, it } from 'vitest';
import { callUuid } from '../../../test/support/plivo-host.ts';
import { LegBench } from '../../../test/support/plivo-leg.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { TransferOutcome } from '../../call/leg.ts';

let bench: LegBench;

beforeEach(() => {
  bench = new LegBench();
});

describe('keys', () => {
  it('are pressed all in one message', async () => {
    bench.open();
    await bench.leg.sendDigits('12#*AD');
    bench.leg.clear();
    expect(bench.socket.sent[0]).toBe('{"event":"sendDTMF","dtmf":"12#*AD"}');
  });

  it('are refused where they are none, or where there is nobody to press them for', async () => {
    await expect(bench.leg.sendDigits('1')).rejects.toMatchObject({ code: 'PATCHCORD_DIGITS_NOT_POSSIBLE' });
    bench.open();
    for (const digits of ['', 'E', '1w2', '1'.repeat(65)])
      await expect(bench.leg.sendDigits(digits)).rejects.toMatchObject({ code: 'PATCHCORD_REQUEST_INVALID' });
    bench.socket.emit('close', 1000);
    await expect(bench.leg.sendDigits('1')).rejects.toMatchObject({ code: 'PATCHCORD_DIGITS_NOT_POSSIBLE' });
    expect(bench.socket.sent).toEqual([]);
  });
});

describe('hanging up', () => {
  it('tells Plivo, once', async () => {
    bench.open();
    const done = bench.leg.hangUp('agent');
    bench.leg.hangUp('operator').catch(expect.unreachable);
    bench.socket.emit('close', 1000);
    await done;
    expect(bench.rest.requests).toEqual([`end ${callUuid}`]);
  });

  it('never rejects, whatever the API does', async () => {
    bench.rest.outcome = async () => {
      throw new PatchcordError('PATCHCORD_CARRIER_API');
    };
    await bench.leg.hangUp('answer-timeout');
    expect(bench.call.log).toEqual(['ended hung-up']);
    await bench.leg.hangUp('answer-timeout');
    expect(bench.rest.requests).toEqual([`end ${callUuid}`]);
  });

  it('cancels a dial that has not been begun', async () => {
    bench = new LegBench('outbound', { requestUuid: 'r1' });
    await bench.leg.hangUp('operator');
    expect(bench.rest.requests).toEqual(['cancel r1']);
  });

  it('ends a dial that has been begun, by the name of its request while no other is known', async () => {
    bench = new LegBench('outbound', { requestUuid: 'r1' });
    bench.rest.outcome = async (request) => request.startsWith('end');
    await bench.leg.hangUp('operator');
    expect(bench.rest.requests).toEqual(['cancel r1', 'end r1']);
  });

  it('ends a dial whose name a webhook tells this very moment', async () => {
    bench = new LegBench('outbound', { requestUuid: 'r1' });
    bench.rest.outcome = async (request) => {
      bench.leg.identify({ callUuid });
      return request.startsWith('end');
    };
    await bench.leg.hangUp('operator');
    expect(bench.rest.requests).toEqual(['cancel r1', `end ${callUuid}`]);
  });

  it('asks no more than it must of a call that is gone', async () => {
    bench = new LegBench('outbound', { callUuid, requestUuid: callUuid });
    bench.rest.outcome = async () => false;
    await bench.leg.hangUp('operator');
    expect(bench.rest.requests).toEqual([`end ${callUuid}`, `cancel ${callUuid}`]);
    bench = new LegBench('outbound', { callUuid, requestUuid: callUuid });
    bench.rest.outcome = async () => false;
    bench.leg.answered();
    await bench.leg.hangUp('operator');
    expect(bench.rest.requests).toEqual([`end ${callUuid}`]);
  });

  it('does nothing after the caller has hung up', async () => {
    bench.open();
    bench.socket.emit('close', 1000);
    await bench.leg.hangUp('agent');
    expect(bench.rest.requests).toEqual([]);
  });
});

describe('a transfer', () => {
  const desk = { to: '+15550003333' };

  it('tells Plivo where to ask, ends the stream then, and the call as transferred', async () => {
    bench.open();
    let closedBefore: number | undefined;
    bench.rest.outcome = async () => {
      closedBefore = bench.socket.closeCode;
      return true;
    };
    expect(await bench.leg.transfer?.(desk)).toEqual({ transferred: true });
    expect(bench.rest.requests).toEqual([`transfer ${callUuid} to https://gw/t`]);
    expect(bench.offers[0]).toMatchObject({ callUuid });
    expect(bench.offers[0]?.answer).toContain(
      '<Dial callerId="15550002222"><Number>15550003333</Number></Dial>',
    );
    expect(closedBefore).toBeUndefined();
    expect(bench.socket.closeCode).toBe(1000);
    expect(bench.call.log.at(-1)).toBe('ended transferred');
    expect(bench.withdrawn).toBe(0);
  });

  it('shows the caller id that is asked for, else the number of ours', async () => {
    bench.open();
    await bench.leg.transfer?.({ ...desk, callerId: '+15550009999' });
    expect(bench.offers[0]?.answer).toContain('callerId="15550009999"');
    bench = new LegBench('outbound');
    bench.open();
    await bench.leg.transfer?.({ to: 'sip:desk@example.com' });
    expect(bench.offers[0]?.answer).toContain(
      '<Dial callerId="15550001111"><User>sip:desk@example.com</User>',
    );
  });

  it('has happened when Plivo ends the stream before it says so', async () => {
    bench.open();
    bench.rest.outcome = async () => {
      bench.socket.emit('close', 1000);
      expect(bench.call.ends).toEqual([]);
      return true;
    };
    expect(await bench.leg.transfer?.(desk)).toEqual({ transferred: true });
    expect(bench.call.ends).toEqual([{ reason: 'transferred' }]);
  });

  it.each([
    ['is late with its answer', () => Promise.resolve(true)],
    ['then calls the call gone', () => Promise.resolve(false)],
    ['then fails', () => Promise.reject(new PatchcordError('PATCHCORD_CARRIER_API', 'plivo: no answer'))],
  ])('has happened when Plivo has fetched where to, even where it %s', async (_how, outcome) => {
    bench.open();
    bench.rest.outcome = () => {
      bench.offers[0]?.fetched();
      expect(bench.call.ends).toEqual([{ reason: 'transferred' }]);
      return outcome();
    };
    expect(await bench.leg.transfer?.(desk)).toEqual({ transferred: true });
    expect(bench.call.ends).toHaveLength(1);
    expect(bench.withdrawn).toBe(0);
  });

  it('says why it did not happen, and the call goes on', async () => {
    expect(await bench.leg.transfer?.({ to: 'the desk' })).toMatchObject({ transferred: false });
    bench.open();
    bench.rest.outcome = async () => {
      throw new PatchcordError('PATCHCORD_CARRIER_API', 'plivo: 500');
    };
    expect(await bench.leg.transfer?.(desk)).toEqual({ transferred: false, detail: 'plivo: 500' });
    expect(bench.call.ends).toEqual([]);
    bench.rest.outcome = async () => {
      expect(await bench.leg.transfer?.(desk)).toMatchObject({ detail: 'a transfer is under way' });
      return false;
    };
    expect(await bench.leg.transfer?.(desk)).toEqual({ transferred: false, detail: 'the call has ended' });
    expect(bench.call.ends).toEqual([]);
    expect(bench.withdrawn).toBe(2);
  });

  describe('that Plivo has not answered yet', () => {
    let answer: PromiseWithResolvers<boolean>;
    let outcome: Promise<TransferOutcome> | undefined;

    beforeEach(() => {
      bench.open();
      answer = Promise.withResolvers();
      bench.rest.outcome = (request) => (request.startsWith('end') ? Promise.resolve(true) : answer.promise);
      outcome = bench.leg.transfer?.(desk);
    });

    it('is not undone by an agent that hangs up meanwhile', async () => {
      const done = bench.leg.hangUp('agent');
      expect(bench.leg.hangUp('max-duration')).toBe(done);
      await bench.clock.advanceAsync(4000);
      expect(bench.socket.closeCode).toBeUndefined();
      answer.resolve(true);
      expect(await outcome).toEqual({ transferred: true });
      await done;
      expect(bench.rest.requests).toEqual([`transfer ${callUuid} to https://gw/t`]);
      expect(bench.socket.closeCode).toBe(1000);
      expect(bench.call.ends).toEqual([{ reason: 'transferred' }]);
    });

    it('is followed by the hang-up of that agent when it is refused', async () => {
      const done = bench.leg.hangUp('agent');
      answer.reject(new PatchcordError('PATCHCORD_CARRIER_API', 'plivo: 500'));
      await bench.clock.advanceAsync(0);
      bench.socket.emit('close', 1000);
      await done;
      expect(bench.rest.requests).toEqual([`transfer ${callUuid} to https://gw/t`, `end ${callUuid}`]);
      expect(bench.call.ends).toEqual([{ reason: 'hung-up' }]);
    });

    it('is cut off by an operator', async () => {
      const done = bench.leg.hangUp('operator');
      bench.socket.emit('close', 1000);
      await done;
      expect(bench.rest.requests).toEqual([`transfer ${callUuid} to https://gw/t`, `end ${callUuid}`]);
      answer.resolve(true);
      await outcome;
      expect(bench.call.ends).toEqual([{ reason: 'hung-up' }]);
    });
  });

  it('that fails leaves the end of the stream what it was', async () => {
    bench.open();
    bench.rest.outcome = async () => {
      bench.socket.emit('close', 1006);
      return false;
    };
    expect(await bench.leg.transfer?.(desk)).toMatchObject({ transferred: false });
    expect(bench.call.ends).toEqual([{ reason: 'connection-lost' }]);
    expect(await bench.leg.transfer?.(desk)).toEqual({ transferred: false, detail: 'the call has ended' });
  });
});
