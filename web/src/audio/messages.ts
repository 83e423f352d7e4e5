/** What the page and its worklets say to each other. Samples on the wire are pcm16 at `wireRate`. */
export const wireRate = 24_000;
export const frameMs = 20;
export const levelEveryMs = 50;
/** Longest answer that is kept for playing. */
export const maxQueuedMs = 600_000;
/** A silence shorter than this in the middle of audio is an underrun. */
export const holeMs = 300;

export const captureName = 'patchcord-capture';
export const playoutName = 'patchcord-playout';

export type ToCapture = { readonly type: 'muted'; readonly muted: boolean };

export type FromCapture =
  | { readonly type: 'frame'; readonly frame: ArrayBuffer }
  | { readonly type: 'level'; readonly level: number };

export type ToPlayout =
  | { readonly type: 'audio'; readonly bytes: ArrayBuffer }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'clear' };

export type FromPlayout =
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'level'; readonly level: number }
  /** The first audio after a pause is on its way to the loudspeaker. */
  | { readonly type: 'began' }
  | { readonly type: 'underruns'; readonly count: number };
