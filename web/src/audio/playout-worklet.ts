import { fromPcm16, LevelMeter } from './framer.ts';
import {
  type FromPlayout,
  holeMs,
  levelEveryMs,
  maxQueuedMs,
  playoutName,
  type ToPlayout,
  wireRate,
} from './messages.ts';
import { PlayoutQueue } from './playout-queue.ts';
import { Resampler } from './resampler.ts';

/** Frames to loudspeaker. Marks go back with the block that holds the last sample before them. */
class Playout extends AudioWorkletProcessor {
  readonly #queue = new PlayoutQueue((sampleRate * maxQueuedMs) / 1000, (sampleRate * holeMs) / 1000);
  readonly #meter = new LevelMeter((sampleRate * levelEveryMs) / 1000);
  #resampler = new Resampler(wireRate, sampleRate);
  #underruns = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToPlayout>) => this.#take(data);
  }

  override process(_: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (out === undefined) return true;
    const pulled = this.#queue.pull(out);
    for (const name of pulled.marks) this.#post({ type: 'mark', name });
    if (pulled.began) this.#post({ type: 'began' });
    if (this.#queue.underruns !== this.#underruns) {
      this.#underruns = this.#queue.underruns;
      this.#post({ type: 'underruns', count: this.#underruns });
    }
    const level = this.#meter.push(out);
    if (level !== undefined) this.#post({ type: 'level', level });
    return true;
  }

  #take(message: ToPlayout): void {
    switch (message.type) {
      case 'audio':
        this.#queue.push(this.#resampler.process(fromPcm16(message.bytes)));
        return;
      case 'mark':
        this.#queue.mark(message.name);
        return;
      case 'clear':
        this.#queue.clear();
        this.#resampler = new Resampler(wireRate, sampleRate);
    }
  }

  #post(message: FromPlayout): void {
    this.port.postMessage(message);
  }
}

registerProcessor(playoutName, Playout);
