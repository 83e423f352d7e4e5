import { pcm16At } from '../../audio/format.ts';
import type { LineCommand, LineWire } from '../phone/line-wire.ts';
import { frameBytes } from './gateway-message.ts';
import { Pacing, type PacingReport } from './pacing.ts';

/**
 * avr-core's end of one call over HTTP: raw samples both ways and not a word besides. AVR, "STS HTTP protocol": the
 * request's body is the caller, the answer's the agent, which is silent when nothing comes; the end of either is the
 * end of it. Nothing can be interrupted, and no keys are told.
 */
export class AvrHttpWire implements LineWire {
  readonly speaks = pcm16At(8000);
  readonly hears = pcm16At(8000);
  readonly runsDry = true;
  readonly #now: () => number;
  readonly #pacing = new Pacing({ frameBytes, frameMs: 20 });
  /** Half of a sample whose other half is in the next piece. */
  #rest: Buffer = Buffer.alloc(0);

  /** `now`: the clock's milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get pacing(): PacingReport {
    return this.#pacing.report;
  }

  opening(): readonly Buffer[] {
    return [];
  }

  audio(frame: Buffer): Buffer {
    return frame;
  }

  digit(): undefined {
    return undefined;
  }

  acknowledge(): undefined {
    return undefined;
  }

  closing(): readonly Buffer[] {
    return [];
  }

  read(data: Buffer | string): readonly LineCommand[] {
    const bytes = Buffer.concat([this.#rest, Buffer.from(data)]);
    const whole = bytes.length & ~1;
    this.#rest = bytes.subarray(whole);
    this.#pacing.arrived(data.length, this.#now());
    return whole === 0 ? [] : [{ do: 'play', audio: bytes.subarray(0, whole) }];
  }
}
