import { describe, expect, it } from 'vitest';
import type { CallerStep } from '../../src/emulators/phone/caller.ts';
import type { PhoneCallRecord } from '../../src/emulators/phone/line-record.ts';
import type { MediaPlayerOptions } from '../../src/emulators/phone/media-player.ts';
import type { Intruder, Prepared } from '../contract/carrier-driver.ts';
import { says } from '../contract/sounds.ts';
import type { Stage, StageOptions } from '../contract/stage.ts';
import { agentFirst, hangUp, speak } from './habits.ts';

interface CallerOptions {
  readonly steps: readonly CallerStep[];
  readonly player?: MediaPlayerOptions;
}

/** A call at the carrier's emulator. */
interface StreamedCall {
  run(): Promise<PhoneCallRecord & { readonly notices: readonly unknown[] }>;
  readonly stream: { readonly player: { playedAudio(): Uint8Array } } | undefined;
}

/** A carrier whose calls are announced, then streamed. */
export interface StreamedCarrier {
  /** The rows of the merged drop-in contract. */
  readonly rows: { readonly stream: string; readonly bargeIn: string };
  /** What our messages are called. */
  readonly says: { readonly audio: string; readonly mark: string; readonly clear: string };
  /** What its record says of a call that the caller hung up. */
  readonly hungUp: object;
  on(
    options: StageOptions,
    play: (stage: Stage, call: (options: CallerOptions) => StreamedCall) => Promise<void>,
  ): Promise<void>;
}

/** The rows about the media stream that are the same for Twilio, Plivo and Telnyx. */
export function mediaRows({ rows, says: { audio, mark, clear }, hungUp, on }: StreamedCarrier): void {
  describe.concurrent('the media stream is what it was', () => {
    it(`${rows.stream}: start, media, dtmf and stop in; ${audio} and ${mark} out`, async () => {
      const script = [says({ ms: 260, seed: 1 }), says({ ms: 200, seed: 2 })];
      const env = { PATCHCORD_DTMF_INTER_DIGIT_MS: '1500' };
      await on({ env, script }, async (stage, newCall) => {
        const steps = [speak, { do: 'digits', digits: '4#', after: 'agent-finished' }, hangUp] as const;
        const call = newCall({ steps, player: { keepAudio: true } });
        const record = await call.run();
        expect(record).toMatchObject({ failure: undefined, notices: [], ...hungUp });
        expect(record.stream).toMatchObject({ violations: [], missedSteps: 0, endedBy: 'caller' });
        const played = Buffer.from(call.stream?.player.playedAudio() ?? []);
        expect(played.equals(stage.tap.session(0).agentAudio())).toBe(true);
        expect(record.stream?.marks.length).toBeGreaterThanOrEqual(2);
        expect(new Set(record.stream?.marks.map(({ how }) => how))).toEqual(new Set(['played']));
        expect(stage.eventsOf('digit').map(({ digit }) => digit)).toEqual(['4', '#']);
        expect(JSON.stringify(stage.tap.session(0).askedFor('conversation.item.create'))).toContain(
          'pressed 4 on',
        );
        expect((await stage.event('call.ended')).reason).toBe('caller-hung-up');
      });
    });

    it(`${rows.stream}: what the caller says before the model is there is answered`, async () => {
      const options = { faults: { handshakeDelayMs: 900 }, script: [says({ ms: 160, seed: 3 })] };
      await on(options, async (stage, newCall) => {
        const record = await newCall({ steps: [speak, hangUp] }).run();
        expect(record.failure).toBeUndefined();
        expect(record.stream).toMatchObject({ violations: [], missedSteps: 0, playedMs: 160 });
        expect(stage.eventsOf('caller-audio.lost')).toEqual([]);
      });
    });

    it(`${rows.bargeIn}: ${clear} at once on barge-in, and the model is told what the caller heard`, async () => {
      const script = [says({ ms: 3000, seed: 4 }), says({ ms: 150, seed: 5 })];
      await on({ env: agentFirst, script }, async (stage, newCall) => {
        const steps = [{ ...speak, after: 'agent-started', delayMs: 500 }, hangUp] as const;
        const record = await newCall({ steps }).run();
        expect(record.failure).toBeUndefined();
        expect(record.stream).toMatchObject({ violations: [], missedSteps: 0 });
        expect(record.stream?.marks.some(({ how }) => how === 'played')).toBe(true);
        const [cleared, ...more] = record.stream?.clears ?? [];
        expect(more).toEqual([]);
        const [truncation] = stage.emulator.sessions.flatMap((session) => session.record.truncations);
        expect(truncation?.accepted).toBe(true);
        expect(Math.abs((truncation?.audioEndMs ?? 0) - (cleared?.stretchMs ?? 0))).toBeLessThan(100);
        expect(cleared?.droppedMs).toBeGreaterThan(500);
      });
    });
  });
}

/** Each of these is turned away as it should be. */
export async function turnsAway<Ready extends Prepared>(
  stage: Stage,
  intruders: readonly Intruder<Ready>[],
  prepared: Ready,
): Promise<void> {
  for (const { name, attempt, turnedAway } of intruders) {
    expect([name, await attempt(stage.gateway.url, () => undefined, prepared)]).toEqual([name, turnedAway]);
  }
}

/** Of a carrier that has no servers. */
export const nothingPrepared: Prepared = { env: {}, close: () => Promise.resolve() };
