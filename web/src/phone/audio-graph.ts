import captureUrl from '../audio/capture-worklet.ts?worker&url';
import {
  captureName,
  type FromCapture,
  type FromPlayout,
  playoutName,
  type ToCapture,
  type ToPlayout,
  wireRate,
} from '../audio/messages.ts';
import playoutUrl from '../audio/playout-worklet.ts?worker&url';

/** Why there is no microphone. The call goes on without: one can listen and press keys. */
export type MicProblem = 'denied' | 'missing' | 'busy';

export interface AudioEvents {
  capture(message: FromCapture): void;
  playout(message: FromPlayout): void;
  /** The microphone went away in the call. */
  micLost(): void;
}

/** Microphone, loudspeaker and the two worklets between them and the socket; lives as long as one call. */
export class AudioGraph {
  readonly micProblem: MicProblem | undefined;
  readonly #context: AudioContext;
  readonly #stream: MediaStream | undefined;
  readonly #capture: AudioWorkletNode;
  readonly #playout: AudioWorkletNode;

  private constructor(context: AudioContext, mic: Mic, capture: AudioWorkletNode, playout: AudioWorkletNode) {
    this.#context = context;
    this.#stream = mic.stream;
    this.micProblem = mic.problem;
    this.#capture = capture;
    this.#playout = playout;
  }

  /**
   * Must be called from a click or a key, on a secure page: browsers start audio for nothing less. Rejects where
   * there is no audio at all.
   */
  static async open(events: AudioEvents): Promise<AudioGraph> {
    const mic = await openMic();
    let context = newContext(wireRate);
    try {
      let source = sourceOf(context, mic.stream);
      if (source === 'other-rate') {
        await context.close();
        context = newContext(undefined);
        source = sourceOf(context, mic.stream);
      }
      await context.resume();
      await Promise.all([
        context.audioWorklet.addModule(captureUrl),
        context.audioWorklet.addModule(playoutUrl),
      ]);
      const capture = new AudioWorkletNode(context, captureName, {
        numberOfOutputs: 1,
        channelCount: 1,
        channelCountMode: 'explicit',
      });
      const playout = new AudioWorkletNode(context, playoutName, {
        numberOfInputs: 0,
        outputChannelCount: [1],
      });
      capture.port.onmessage = ({ data }: MessageEvent<FromCapture>) => events.capture(data);
      playout.port.onmessage = ({ data }: MessageEvent<FromPlayout>) => events.playout(data);
      for (const track of mic.stream?.getTracks() ?? []) track.onended = () => events.micLost();
      if (typeof source === 'object') source.connect(capture);
      // Its output is silence; a node that leads nowhere need not be run.
      capture.connect(context.destination);
      playout.connect(context.destination);
      return new AudioGraph(context, mic, capture, playout);
    } catch (thrown) {
      stop(mic.stream);
      await context.close();
      throw thrown;
    }
  }

  /** From a sample leaving the worklet to the ear, as far as the browser knows. */
  get outputLatencyMs(): number {
    const seconds = this.#context.outputLatency || this.#context.baseLatency || 0;
    return seconds * 1000;
  }

  mute(muted: boolean): void {
    this.#capture.port.postMessage({ type: 'muted', muted } satisfies ToCapture);
  }

  play(bytes: ArrayBuffer): void {
    this.#playout.port.postMessage({ type: 'audio', bytes } satisfies ToPlayout, [bytes]);
  }

  mark(name: string): void {
    this.#playout.port.postMessage({ type: 'mark', name } satisfies ToPlayout);
  }

  clear(): void {
    this.#playout.port.postMessage({ type: 'clear' } satisfies ToPlayout);
  }

  async close(): Promise<void> {
    this.#capture.port.onmessage = null;
    this.#playout.port.onmessage = null;
    stop(this.#stream);
    await this.#context.close();
  }
}

interface Mic {
  readonly stream: MediaStream | undefined;
  readonly problem: MicProblem | undefined;
}

async function openMic(): Promise<Mic> {
  try {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    return { stream: await navigator.mediaDevices.getUserMedia({ audio }), problem: undefined };
  } catch (thrown) {
    const name = thrown instanceof DOMException ? thrown.name : '';
    if (name === 'NotAllowedError' || name === 'SecurityError')
      return { stream: undefined, problem: 'denied' };
    return { stream: undefined, problem: name === 'NotFoundError' ? 'missing' : 'busy' };
  }
}

/** Some browsers run audio at the rate of the sound card alone; the worklets convert then. */
function newContext(sampleRate: number | undefined): AudioContext {
  if (sampleRate === undefined) return new AudioContext({ latencyHint: 'interactive' });
  try {
    return new AudioContext({ sampleRate, latencyHint: 'interactive' });
  } catch {
    return new AudioContext({ latencyHint: 'interactive' });
  }
}

function sourceOf(context: AudioContext, stream: MediaStream | undefined): AudioNode | 'none' | 'other-rate' {
  if (stream === undefined) return 'none';
  try {
    return context.createMediaStreamSource(stream);
  } catch {
    return 'other-rate';
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
