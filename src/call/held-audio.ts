/** What a stretch of speech needs; a larger ring is given back when it has run empty. */
const keptBytes = 64 * 1024;
const firstBytes = 8 * 1024;

/**
 * Bytes in the order in which they came, copied into memory of their own that is used again and again.
 *
 * Audio waits here for seconds. As buffers, each of which the collector has to find and free, it would outlive the
 * young generation, hold on to whatever shares its memory, and bring on a full collection every few seconds.
 */
export class HeldAudio {
  #ring: Buffer | undefined;
  /** Where the first byte lies. */
  #first = 0;
  #length = 0;

  get byteLength(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    const ring = this.#withRoomFor(bytes.length);
    const at = (this.#first + this.#length) % ring.length;
    const untilEnd = Math.min(bytes.length, ring.length - at);
    ring.set(untilEnd === bytes.length ? bytes : bytes.subarray(0, untilEnd), at);
    if (untilEnd < bytes.length) ring.set(bytes.subarray(untilEnd), 0);
    this.#length += bytes.length;
  }

  /** Takes the first bytes, at most as many as `into` has room for, and says how many it took. */
  shift(into: Uint8Array): number {
    const ring = this.#ring;
    const taken = Math.min(into.length, this.#length);
    if (!ring || taken === 0) return 0;
    const end = this.#first + taken;
    into.set(ring.subarray(this.#first, Math.min(end, ring.length)), 0);
    if (end > ring.length) into.set(ring.subarray(0, end - ring.length), ring.length - this.#first);
    this.#length -= taken;
    this.#first = end % ring.length;
    if (this.#length === 0) this.clear();
    return taken;
  }

  clear(): void {
    this.#first = 0;
    this.#length = 0;
    if (this.#ring && this.#ring.length > keptBytes) this.#ring = undefined;
  }

  #withRoomFor(bytes: number): Buffer {
    const needed = this.#length + bytes;
    const ring = this.#ring;
    if (ring && ring.length >= needed) return ring;
    let size = Math.max(firstBytes, ring?.length ?? 0);
    while (size < needed) size *= 2;
    // Not from the pool, whose memory it would keep with all that shares it.
    const larger = Buffer.allocUnsafeSlow(size);
    const length = this.#length;
    this.shift(larger);
    this.#first = 0;
    this.#length = length;
    this.#ring = larger;
    return larger;
  }
}
