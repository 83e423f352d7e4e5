/** Slowest and fastest speech that is believed, milliseconds per character. */
const fastestMsPerChar = 30;
const usualMsPerChar = 65;
/** No voice is slower for long: what looks slower had silence in it. */
const slowestMsPerChar = 2 * usualMsPerChar;
/** Of what broke off nobody knows which word its last audio was the beginning of. */
const brokenOffMs = 200;

/**
 * The text of one stretch of agent audio, and which words of it lie before a given moment.
 *
 * Text arrives beside the audio but not in step with it, mostly ahead. Where the two advance together at the pace
 * of speech, the pairs (characters, milliseconds) seen on arrival are used as anchors; else the text is spread
 * evenly over the audio.
 */
export class HeardText {
  #text = '';
  /** Characters before which the audio position `ms` had been generated. */
  #anchors: { readonly chars: number; readonly ms: number }[] = [];

  get text(): string {
    return this.#text;
  }

  /** `generatedMs`: audio of the item received so far. */
  append(delta: string, generatedMs: number): void {
    const last = this.#anchors.at(-1);
    const chars = this.#text.length;
    if (chars > 0 && generatedMs > (last?.ms ?? 0) && chars > (last?.chars ?? 0)) {
      this.#anchors.push({ chars, ms: generatedMs });
    }
    this.#text += delta;
  }

  /** Nobody will ask any more where in the audio its words are. */
  settle(): void {
    this.#anchors = [];
  }

  /** The words whose audio lies wholly before `heardMs`. `complete`: no more text or audio will come. */
  until(heardMs: number, generatedMs: number, complete: boolean): string {
    if (heardMs <= 0 || this.#text.length === 0) return '';
    if (complete && heardMs >= generatedMs) return this.#text;
    const chars = this.#charsAt(heardMs, complete ? generatedMs : this.#spanMs(generatedMs, usualMsPerChar));
    return this.#wordsUpTo(chars);
  }

  /** The same of audio that will never be complete. `msPerChar`: the voice's pace, where it is known. */
  untilBrokenOff(heardMs: number, generatedMs: number, msPerChar = usualMsPerChar): string {
    const surelyMs = heardMs - brokenOffMs;
    if (surelyMs <= 0 || this.#text.length === 0) return '';
    const pace = Math.min(slowestMsPerChar, Math.max(usualMsPerChar, msPerChar));
    return this.#wordsUpTo(this.#charsAt(surelyMs, this.#spanMs(generatedMs, pace)));
  }

  /** Text runs ahead of audio while both are still coming: do not press all of it into the audio so far. */
  #spanMs(generatedMs: number, msPerChar: number): number {
    return Math.max(generatedMs, this.#text.length * msPerChar);
  }

  #charsAt(heardMs: number, spanMs: number): number {
    const length = this.#text.length;
    let from = { chars: 0, ms: 0 };
    for (const to of [...this.#believed(spanMs), { chars: length, ms: spanMs }]) {
      if (heardMs < to.ms) {
        const share = (heardMs - from.ms) / Math.max(1, to.ms - from.ms);
        return from.chars + share * (to.chars - from.chars);
      }
      from = to;
    }
    return length;
  }

  /** The anchors, if text and audio kept the same pace between all of them. */
  #believed(spanMs: number): readonly { readonly chars: number; readonly ms: number }[] {
    const averageMsPerChar = spanMs / this.#text.length;
    if (averageMsPerChar < fastestMsPerChar) return [];
    let from = { chars: 0, ms: 0 };
    for (const to of this.#anchors) {
      const msPerChar = (to.ms - from.ms) / (to.chars - from.chars);
      if (msPerChar < averageMsPerChar / 2 || msPerChar > averageMsPerChar * 2) return [];
      from = to;
    }
    if (from.ms >= spanMs) return [];
    const tailMsPerChar = (spanMs - from.ms) / Math.max(1, this.#text.length - from.chars);
    if (tailMsPerChar < averageMsPerChar / 2 || tailMsPerChar > averageMsPerChar * 2) return [];
    return this.#anchors;
  }

  #wordsUpTo(chars: number): string {
    let end = 0;
    for (const word of this.#text.matchAll(/\S+/g)) {
      const stop = word.index + word[0].length;
      if (stop > chars + 0.5) break;
      end = stop;
    }
    return this.#text.slice(0, end);
  }
}
