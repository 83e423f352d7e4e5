import { encodeSamples } from '../../audio/convert.ts';
import { type AudioFormat, describeFormat } from '../../audio/format.ts';
import { Resampler } from '../../audio/resample.ts';

/** Speech in the format that a session wants; what was encoded once is kept as long as the samples live. */
export class EncodedAudio {
  readonly #kept = new WeakMap<Int16Array, Map<string, Buffer>>();

  of(samples: Int16Array, sampleRate: number, format: AudioFormat): Buffer {
    let formats = this.#kept.get(samples);
    if (formats === undefined) {
      formats = new Map();
      this.#kept.set(samples, formats);
    }
    const key = `${sampleRate}>${describeFormat(format)}`;
    let encoded = formats.get(key);
    if (encoded === undefined) {
      encoded = encodeSamples(resampled(samples, sampleRate, format.sampleRate), format);
      formats.set(key, encoded);
    }
    return encoded;
  }
}

function resampled(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const resampler = new Resampler(from, to);
  const head = resampler.process(samples);
  const tail = resampler.flush();
  const whole = new Int16Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
