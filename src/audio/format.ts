/** Encodings as RFC 3551 and the carriers name them; `pcm16` is signed 16-bit little-endian, all are mono. */
export type AudioEncoding = 'pcmu' | 'pcma' | 'pcm16';

export interface AudioFormat {
  readonly encoding: AudioEncoding;
  /** Samples per second: 8000 for G.711; 8000, 16000, 24000 or 48000 for pcm16. */
  readonly sampleRate: number;
}

export const pcmu8k: AudioFormat = { encoding: 'pcmu', sampleRate: 8000 };
export const pcma8k: AudioFormat = { encoding: 'pcma', sampleRate: 8000 };
export const pcm16At = (sampleRate: number): AudioFormat => ({ encoding: 'pcm16', sampleRate });

export function bytesPerSample(format: AudioFormat): number {
  return format.encoding === 'pcm16' ? 2 : 1;
}

/** 8 for G.711, 48 for pcm16 at 24 kHz. */
export function bytesPerMs(format: AudioFormat): number {
  return (format.sampleRate * bytesPerSample(format)) / 1000;
}

export function sameFormat(a: AudioFormat, b: AudioFormat): boolean {
  return a.encoding === b.encoding && a.sampleRate === b.sampleRate;
}

/** The byte that is silence: 0xff in µ-law, 0xd5 in A-law, 0 in pcm16. */
export function silenceByte(format: AudioFormat): number {
  switch (format.encoding) {
    case 'pcmu':
      return 0xff;
    case 'pcma':
      return 0xd5;
    case 'pcm16':
      return 0;
  }
}

export function describeFormat(format: AudioFormat): string {
  return `${format.encoding}/${format.sampleRate}`;
}
