import { decodeSamples } from '../../audio/convert.ts';
import { pcm16At } from '../../audio/format.ts';
import { decodeAlaw, decodeMulaw } from '../../audio/g711.ts';
import type { Clock } from '../../base/clock.ts';

/** Frames that are judged together: half a second of 20 ms frames. */
const windowFrames = 25;
/** Slin at 8 kHz comes at 16 bytes a millisecond, G.711 at 8. */
const g711BytesPerMs = { least: 6.5, most: 9.5 };
const slin = pcm16At(8000);
/** Of a window; the rest may be pauses between words. */
const frameShare = 8;
/** Steps between samples relative to the samples: speech stays well below it, bytes read as what they are not above. */
const smoothBelow = 0.85;

/**
 * Finds G.711 under the name of slin. Without `c(slin)` in the dialplan Asterisk's channel driver sends whatever codec
 * the phone has as kind 0x10: the call connects, and all that is heard is noise. Such frames come at half the bytes of
 * slin, and the bytes make smoother sound when they are read as G.711 than as slin. Both must hold, because a phone that
 * leaves out silence can send as little, and a gateway that is behind reads as little.
 */
export class DisguiseCheck {
  readonly #clock: Clock;
  #frameBytes = 0;
  #frames = 0;
  #alike = 0;
  #since = 0;
  /** The last window came at the pace of G.711, so that the bytes are worth a look. */
  #suspect = false;
  #mulaw = new Int16Array(0);
  #alaw = new Int16Array(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this frame of kind 0x10, after those before it, leaves no doubt. Costs next to nothing where slin keeps its pace. */
  isG711(audio: Buffer): boolean {
    if (this.#frames === 0 || audio.length !== this.#frameBytes) this.#begin(audio.length);
    else this.#frames += 1;
    if (this.#suspect && this.#looksLikeG711(audio)) this.#alike += 1;
    if (this.#frames < windowFrames) return false;
    const elapsedMs = this.#clock.now() - this.#since;
    const bytesPerMs = ((windowFrames - 1) * this.#frameBytes) / elapsedMs;
    const paced = bytesPerMs > g711BytesPerMs.least && bytesPerMs < g711BytesPerMs.most;
    const found = paced && this.#alike >= frameShare;
    this.#suspect = paced;
    this.#frames = 0;
    return found;
  }

  #begin(frameBytes: number): void {
    this.#frameBytes = frameBytes;
    this.#frames = 1;
    this.#alike = 0;
    this.#since = this.#clock.now();
  }

  #looksLikeG711(audio: Buffer): boolean {
    if (isQuietSlin(audio) || audio.length % 2 !== 0) return false;
    if (this.#mulaw.length !== audio.length) {
      this.#mulaw = new Int16Array(audio.length);
      this.#alaw = new Int16Array(audio.length);
    }
    decodeMulaw(audio, this.#mulaw);
    decodeAlaw(audio, this.#alaw);
    const asG711 = Math.min(roughness(this.#mulaw), roughness(this.#alaw));
    return asG711 < smoothBelow && asG711 < roughness(decodeSamples(audio, slin));
  }
}

/** Samples from -256 to 255, of which nothing can be told; silence of G.711 reads as such too. */
function isQuietSlin(audio: Buffer): boolean {
  for (let at = 1; at < audio.length; at += 2) if (audio[at] !== 0 && audio[at] !== 0xff) return false;
  return true;
}

/** 0 for a constant, about 0.5 for speech, 1.4 for noise. */
function roughness(samples: Int16Array): number {
  let steps = 0;
  let level = 0;
  for (let i = 1; i < samples.length; i++) {
    const sample = samples[i] as number;
    steps += Math.abs(sample - (samples[i - 1] as number));
    level += Math.abs(sample);
  }
  return level === 0 ? Number.POSITIVE_INFINITY : steps / level;
}
