import { signal } from '@preact/signals';
import { type FromCapture, type FromPlayout, wireRate } from '../audio/messages.ts';
import { AudioGraph, type MicProblem } from './audio-graph.ts';

export type PhoneState = 'idle' | 'connecting' | 'live';

/** What may differ from the default agent; empty strings count as absent. */
export interface AgentWishes {
  readonly instructions: string;
  readonly voice: string;
  readonly greeting: string;
}

/** What the gateway says in text; docs/softphone-protocol.md, "From the gateway". */
type FromGateway =
  | { readonly type: 'started'; readonly callId: string }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'clear' }
  | { readonly type: 'ended'; readonly reason: string }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

export interface PhoneListener {
  started(callId: string): void;
  /** The agent's audio begins to sound after a pause; `latencyMs`: from here to the ear. */
  outputBegan(latencyMs: number): void;
  /** The gateway dropped what was queued. */
  cleared(): void;
  /** The socket could not be opened: perhaps the session has run out. */
  refused(): void;
}

/** Audio that may wait in the socket: two seconds. What comes on top is dropped and counted. */
const maxWaitingBytes = wireRate * 2 * 2;
const startDeadlineMs = 10_000;

/** The browser as a phone: one call at a time over `WS /softphone`. */
export class Softphone {
  readonly state = signal<PhoneState>('idle');
  readonly callId = signal<string | undefined>(undefined);
  readonly startedAtMs = signal<number | undefined>(undefined);
  readonly muted = signal(false);
  readonly micProblem = signal<MicProblem | 'lost' | undefined>(undefined);
  /** Why the last call ended, in a word of the protocol, or what went wrong. */
  readonly outcome = signal<{ readonly kind: 'ended' | 'error'; readonly text: string } | undefined>(
    undefined,
  );
  readonly underruns = signal(0);
  readonly droppedFrames = signal(0);
  /** Levels, 0 to 1, as of the last 50 ms; read by the animation, so no signals. */
  inputLevel = 0;
  outputLevel = 0;
  readonly #url: string;
  readonly #listener: PhoneListener;
  #graph: AudioGraph | undefined;
  #socket: WebSocket | undefined;
  #startTimer: ReturnType<typeof setTimeout> | undefined;
  /** Marks that the worklet still owes; emptied by a clear, after which none of them may be sent. */
  readonly #marks = new Set<string>();
  /** Rises with each call, so that what a call left under way cannot touch the next. */
  #attempt = 0;

  constructor(url: string, listener: PhoneListener) {
    this.#url = url;
    this.#listener = listener;
  }

  async call(wishes: AgentWishes): Promise<void> {
    if (this.state.value !== 'idle') return;
    if (!isSecureContext) {
      this.outcome.value = {
        kind: 'error',
        text: 'Browsers let a page call only over HTTPS or from localhost.',
      };
      return;
    }
    const attempt = ++this.#attempt;
    this.state.value = 'connecting';
    this.outcome.value = undefined;
    this.micProblem.value = undefined;
    this.underruns.value = 0;
    this.droppedFrames.value = 0;
    try {
      const graph = await AudioGraph.open({
        capture: (message) => this.#captured(message),
        playout: (message) => this.#played(message),
        micLost: () => {
          this.micProblem.value = 'lost';
        },
      });
      if (attempt !== this.#attempt) {
        await graph.close();
        return;
      }
      this.#graph = graph;
      this.micProblem.value = graph.micProblem;
      graph.mute(this.muted.value);
    } catch {
      if (attempt === this.#attempt) this.#finish('error', 'This browser gives the page no audio.');
      return;
    }
    this.#connect(wishes);
  }

  hangUp(): void {
    if (this.state.value === 'idle') return;
    this.#send({ type: 'hangup' });
    this.#finish('ended', 'caller-hung-up');
  }

  digit(digit: string): void {
    this.#send({ type: 'digit', digit });
  }

  toggleMute(): void {
    this.muted.value = !this.muted.value;
    this.#graph?.mute(this.muted.value);
  }

  #connect(wishes: AgentWishes): void {
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#startTimer = setTimeout(
      () => this.#finish('error', 'The gateway did not answer.'),
      startDeadlineMs,
    );
    socket.onopen = () => this.#send({ type: 'start', sampleRate: wireRate, ...stated(wishes) });
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.#socket !== socket) return;
      if (typeof data === 'string') this.#obey(JSON.parse(data) as FromGateway);
      else this.#graph?.play(data);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      const opened = this.state.value === 'live';
      this.#finish('error', opened ? 'The connection was lost.' : `The gateway refused the call (${code}).`);
      if (!opened) this.#listener.refused();
    };
  }

  #obey(message: FromGateway): void {
    switch (message.type) {
      case 'started':
        clearTimeout(this.#startTimer);
        this.state.value = 'live';
        this.callId.value = message.callId;
        this.startedAtMs.value = Date.now();
        this.#listener.started(message.callId);
        return;
      case 'mark':
        this.#marks.add(message.name);
        this.#graph?.mark(message.name);
        return;
      case 'clear':
        this.#marks.clear();
        this.#graph?.clear();
        this.#listener.cleared();
        return;
      case 'ended':
        this.#finish('ended', message.reason);
        return;
      case 'error':
        this.#finish('error', message.message);
    }
  }

  #captured(message: FromCapture): void {
    if (message.type === 'level') {
      this.inputLevel = message.level;
      return;
    }
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > maxWaitingBytes) this.droppedFrames.value++;
    else socket.send(message.frame);
  }

  #played(message: FromPlayout): void {
    switch (message.type) {
      case 'level':
        this.outputLevel = message.level;
        return;
      case 'mark':
        if (this.#marks.delete(message.name)) this.#send(message);
        return;
      case 'began':
        this.#listener.outputBegan(this.#graph?.outputLatencyMs ?? 0);
        return;
      case 'underruns':
        this.underruns.value = message.count;
    }
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #finish(kind: 'ended' | 'error', text: string): void {
    this.#attempt++;
    clearTimeout(this.#startTimer);
    const [socket, graph] = [this.#socket, this.#graph];
    this.#socket = undefined;
    this.#graph = undefined;
    this.#marks.clear();
    this.inputLevel = 0;
    this.outputLevel = 0;
    this.state.value = 'idle';
    this.startedAtMs.value = undefined;
    this.outcome.value = { kind, text };
    socket?.close(1000);
    graph?.close().catch((thrown: unknown) => console.warn('audio did not close', thrown));
  }
}

function stated(wishes: AgentWishes): Partial<AgentWishes> {
  return Object.fromEntries(Object.entries(wishes).filter(([, text]) => text.trim() !== ''));
}
