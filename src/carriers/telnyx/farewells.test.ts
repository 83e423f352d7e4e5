import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { Farewells } from './farewells.ts';

let clock: VirtualClock;
let commands: string[];
let taken: () => Promise<boolean>;
let farewells: Farewells;

beforeEach(() => {
  clock = new VirtualClock();
  commands = [];
  taken = async () => true;
  const rest = {
    speak: (id: string) => {
      commands.push(`speak ${id}`);
      return taken();
    },
    hangUp: (id: string) => {
      commands.push(`hangup ${id}`);
      return Promise.resolve(true);
    },
  };
  farewells = new Farewells(rest, clock, silentLogger);
});

describe('a caller who lost his agent', () => {
  it('is told so once and hung up when that was said', () => {
    farewells.begin('v3:a');
    farewells.begin('v3:a');
    farewells.spoken('v3:b');
    expect(commands).toEqual(['speak v3:a']);
    farewells.spoken('v3:a');
    farewells.spoken('v3:a');
    expect(commands).toEqual(['speak v3:a', 'hangup v3:a']);
    expect(clock.pending).toBe(0);
  });

  it('is hung up after fifteen seconds, whatever Telnyx says', async () => {
    farewells.begin('v3:a');
    await clock.advanceAsync(14_999);
    expect(commands).toEqual(['speak v3:a']);
    await clock.advanceAsync(1);
    expect(commands).toEqual(['speak v3:a', 'hangup v3:a']);
    expect(clock.pending).toBe(0);
  });

  it('is hung up at once when Telnyx will not speak, and left alone when he has gone', async () => {
    taken = () => Promise.reject(new Error('down'));
    farewells.begin('v3:a');
    await clock.advanceAsync(0);
    expect(commands).toEqual(['speak v3:a', 'hangup v3:a']);
    taken = async () => false;
    farewells.begin('v3:b');
    await clock.advanceAsync(60_000);
    expect(commands.slice(2)).toEqual(['speak v3:b']);
  });

  it('is hung up when nobody will be here any more', () => {
    farewells.begin('v3:a');
    farewells.begin('v3:b');
    farewells.close();
    expect(commands.slice(2)).toEqual(['hangup v3:a', 'hangup v3:b']);
    expect(clock.pending).toBe(0);
  });
});
