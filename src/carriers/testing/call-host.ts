import { AudioChunk } from '../../audio/chunk.ts';
import type { AudioFormat } from '../../audio/format.ts';
import { silentLogger } from '../../base/logger.ts';
import type { VirtualClock } from '../../base/virtual-clock.ts';
import { Call } from '../../call/call.ts';
import type { CallEvent } from '../../call/events.ts';
import { FrameTicker } from '../../call/frame-ticker.ts';
import type { Leg } from '../../call/leg.ts';
import { FakeModel } from '../../call/testing/fake-model.ts';
import { limits, listener } from '../../call/testing/set-up.ts';
import type { CallExtras } from '../carrier.ts';
import { TestHost } from './test-host.ts';

/** A gateway that makes real calls, with a model that does what the test tells it. */
export class CallHost extends TestHost {
  readonly model: FakeModel;
  readonly events: CallEvent[] = [];
  call: Call | undefined;

  constructor(clock: VirtualClock, format: AudioFormat) {
    super(clock);
    this.model = new FakeModel(format);
  }

  override accept(leg: Leg, { tools = [] }: CallExtras = {}) {
    const { clock } = this;
    this.call = new Call({
      callId: 'call-1',
      leg,
      agent: listener,
      model: this.model,
      tools,
      limits: { ...limits, noInputMs: 0 },
      apology: { text: 'Sorry.', audio: () => AudioChunk.fromBytes(Buffer.alloc(1600)) },
      clock,
      ticker: new FrameTicker({ clock, log: silentLogger }),
      log: silentLogger,
      observe: (event) => this.events.push(event),
    });
    this.call.start();
    return { callId: 'call-1' };
  }
}
