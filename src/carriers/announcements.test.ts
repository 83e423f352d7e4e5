import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Announcements, partyOf } from './announcements.ts';
import type { Announcement } from './carrier.ts';

function announcement(carrierCallId: string, fields: Partial<Announcement> = {}): Announcement {
  return { carrierCallId, variables: {}, overrides: {}, ...fields };
}

describe('an announced call', () => {
  it('is expected for two minutes', () => {
    const clock = new VirtualClock();
    const announcements = new Announcements(clock);
    announcements.add(announcement('a'));
    clock.advance(119_999);
    expect(announcements.find('a')).toBeDefined();
    clock.advance(1);
    expect(announcements.find('a')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('comes once', () => {
    const announcements = new Announcements(new VirtualClock());
    const call = announcement('a');
    announcements.add(call);
    expect(announcements.find('a')).toBe(call);
    announcements.used(call);
    expect(announcements.find('a')).toBeUndefined();
  });

  it('is what was last said of it', () => {
    const announcements = new Announcements(new VirtualClock());
    announcements.add(announcement('a', { from: '+15550001111' }));
    announcements.add(announcement('a', { from: '+15550002222' }));
    expect(announcements.find('a')?.from).toBe('+15550002222');
  });
});

describe('the other side of a call', () => {
  it('is what was announced, over what the carrier says', () => {
    const told = { from: '+15550001111', to: '+15550002222', variables: { queue: 'sales', tenant: 'a' } };
    const announced = announcement('a', { from: '+15550003333', variables: { tenant: 'b' } });
    expect(partyOf(announced, told)).toEqual({
      from: '+15550003333',
      to: '+15550002222',
      direction: 'inbound',
      variables: { queue: 'sales', tenant: 'b' },
    });
  });

  it('is nobody that is known, where nothing was said', () => {
    expect(partyOf(undefined)).toEqual({ direction: 'inbound', variables: {} });
  });
});
