import { computed, signal } from '@preact/signals';
import type { EventsMessage, StatusReply } from '../../src/api/contract.ts';
import type { CallEvent } from '../../src/call/events.ts';
import { applyEvent, type CallView, renewed } from './calls/call-view.ts';
import { withLatency } from './calls/latency.ts';
import { type LogLine, logLine } from './calls/log-line.ts';
import { GatewayClient, GatewayError } from './gateway/client.ts';
import { EventsFeed } from './gateway/events-feed.ts';
import { Softphone } from './phone/softphone.ts';

const statusEveryMs = 10_000;
const maxLogLines = 600;
/** Calls that have ended and can still be read. */
const maxEndedCalls = 20;
/** A first audio sent and a beginning of sound further apart belong to different answers. */
const sameAnswerMs = 2000;

/** Everything the page shows, and the connections it comes from. One per page. */
export class Store {
  readonly gateway = new GatewayClient();
  readonly phone: Softphone;
  readonly status = signal<StatusReply | undefined>(undefined);
  readonly connected = signal(false);
  /** The gateway wants a key. */
  readonly locked = signal(false);
  /** The page was opened with a key that the gateway did not take: with one that it takes, it sends one on to `/`. */
  readonly keyRefused = new URLSearchParams(location.search).has('key');
  /** The newest first. */
  readonly calls = signal<ReadonlyMap<string, CallView>>(new Map());
  readonly log = signal<readonly LogLine[]>([]);
  readonly selectedId = signal<string | undefined>(undefined);
  readonly selected = computed(() => this.calls.value.get(this.selectedId.value ?? ''));
  readonly liveCount = computed(
    () => [...this.calls.value.values()].filter((view) => view.ended === undefined).length,
  );
  /** What just went wrong with something the user asked for. */
  readonly notice = signal<string | undefined>(undefined);
  /** Rises whenever the agent's audio was dropped: the cord shows it. */
  clears = 0;
  readonly #feed: EventsFeed;
  #statusTimer: ReturnType<typeof setInterval> | undefined;
  #feedWanted = false;
  #lines = 0;
  /** Of the page's own call, by this page's clock. */
  #answer: { readonly turnId: number; readonly firstAudioMs: number; readonly atMs: number } | undefined;
  #began: { readonly atMs: number; readonly latencyMs: number } | undefined;

  constructor() {
    this.#feed = new EventsFeed(this.gateway.socketUrl('v1/events'), {
      message: (message) => this.#take(message),
      connected: (connected) => {
        this.connected.value = connected;
        if (!connected) this.refreshStatus();
      },
    });
    this.phone = new Softphone(this.gateway.socketUrl('softphone'), {
      started: (callId) => {
        this.#answer = undefined;
        this.#began = undefined;
        this.selectedId.value = callId;
      },
      outputBegan: (latencyMs) => {
        this.#began = { atMs: performance.now(), latencyMs };
        this.#measureHeard();
      },
      cleared: () => {
        this.clears++;
      },
      refused: () => this.refreshStatus(),
    });
  }

  open(): void {
    // A key, even a wrong one, is not for the history or for a picture of the screen.
    if (this.keyRefused) history.replaceState(null, '', './');
    this.refreshStatus();
    this.#statusTimer = setInterval(() => {
      if (!document.hidden) this.refreshStatus();
    }, statusEveryMs);
  }

  close(): void {
    clearInterval(this.#statusTimer);
    this.#closeFeed();
    this.phone.hangUp();
  }

  refreshStatus(): void {
    this.gateway.status().then(
      (status) => {
        this.status.value = status;
        this.locked.value = false;
        this.#openFeed();
      },
      (thrown: unknown) => {
        this.locked.value = thrown instanceof GatewayError && thrown.status === 401;
        if (this.locked.value) this.#closeFeed();
        else this.#openFeed();
      },
    );
  }

  /** Asked for once the status says that there is a session; it then keeps itself open. */
  #openFeed(): void {
    if (this.#feedWanted) return;
    this.#feedWanted = true;
    this.#feed.open();
  }

  #closeFeed(): void {
    this.#feedWanted = false;
    this.#feed.close();
  }

  hangUp(callId: string): void {
    if (callId === this.phone.callId.value && this.phone.state.value === 'live') this.phone.hangUp();
    else this.#report(this.gateway.hangUp(callId));
  }

  interrupt(callId: string): void {
    this.#report(this.gateway.interrupt(callId));
  }

  #report(asked: Promise<void>): void {
    this.notice.value = undefined;
    asked.catch((thrown: unknown) => {
      this.notice.value = thrown instanceof Error ? thrown.message : String(thrown);
    });
  }

  #take(message: EventsMessage): void {
    if (message.type === 'snapshot') {
      const known = this.calls.value;
      const live = message.calls.map((call) => [call.callId, renewed(known.get(call.callId), call)] as const);
      const over = [...known].filter(([, view]) => view.ended !== undefined);
      this.calls.value = new Map([...live, ...over]);
      const selected = this.selectedId.value ?? '';
      if (!this.calls.value.has(selected) && selected !== this.phone.callId.value)
        this.selectedId.value = undefined;
    } else {
      this.#event(message);
    }
    this.selectedId.value ??= this.calls.value.keys().next().value;
  }

  #event(event: CallEvent): void {
    const line = logLine(this.#lines++, event);
    if (line !== undefined) this.log.value = [...this.log.value.slice(1 - maxLogLines), line];
    const known = this.calls.value.get(event.callId);
    const view = applyEvent(known, event);
    if (view === undefined || view === known) return;
    this.#put(view);
    if (
      event.type === 'latency.turn' &&
      event.callId === this.phone.callId.value &&
      event.heardMs === undefined
    ) {
      this.#answer = { turnId: event.turnId, firstAudioMs: event.firstAudioMs, atMs: performance.now() };
      this.#measureHeard();
    }
  }

  #put(view: CallView): void {
    const { callId } = view.call;
    const calls = new Map(this.calls.value);
    if (calls.has(callId)) calls.set(callId, view);
    const next = calls.has(callId) ? calls : new Map([[callId, view], ...calls]);
    const over = [...next].filter(([, other]) => other.ended !== undefined).slice(maxEndedCalls);
    for (const [old] of over) next.delete(old);
    this.calls.value = next;
  }

  /**
   * When this page's own call got its answer to the ear: the way from "first audio sent" (the event) to the first
   * sample played, both seen here, so that no other clock is needed.
   */
  #measureHeard(): void {
    const [answer, began] = [this.#answer, this.#began];
    if (answer === undefined || began === undefined) return;
    const wayMs = began.atMs - answer.atMs;
    if (Math.abs(wayMs) > sameAnswerMs) return;
    this.#answer = undefined;
    const view = this.calls.value.get(this.phone.callId.value ?? '');
    const known = view?.latencies.find(({ turnId }) => turnId === answer.turnId);
    if (view === undefined || known === undefined) return;
    const heardMs = answer.firstAudioMs + Math.max(0, wayMs) + began.latencyMs;
    this.#put({ ...view, latencies: withLatency(view.latencies, { ...known, heardMs }) });
  }
}
