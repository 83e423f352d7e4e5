import { Framer, LevelMeter } from './framer.ts';
import {
  captureName,
  type FromCapture,
  frameMs,
  levelEveryMs,
  type ToCapture,
  wireRate,
} from './messages.ts';
import { Resampler } from './resampler.ts';

/** Samples of one block where the microphone gives none. */
const silence = new Float32Array(128);

/** Microphone to frames. Runs without one too: the gateway expects audio that never pauses, so it sends silence. */
class Capture extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, wireRate);
  readonly #framer = new Framer((wireRate * frameMs) / 1000);
  readonly #meter = new LevelMeter((sampleRate * levelEveryMs) / 1000);
  #muted = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToCapture>) => {
      this.#muted = data.muted;
    };
  }

  override process(inputs: Float32Array[][]): boolean {
    const heard = this.#muted ? silence : (inputs[0]?.[0] ?? silence);
    const level = this.#meter.push(heard);
    if (level !== undefined) this.#post({ type: 'level', level });
    this.#framer.push(this.#resampler.process(heard), (frame) => {
      this.port.postMessage({ type: 'frame', frame: frame.buffer } satisfies FromCapture, [frame.buffer]);
    });
    return true;
  }

  #post(message: FromCapture): void {
    this.port.postMessage(message);
  }
}

registerProcessor(captureName, Capture);
