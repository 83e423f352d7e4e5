import { pcmu8k } from '../../src/audio/format.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { VirtualClock } from '../../src/base/virtual-clock.ts';
import { type CallIds, PlivoLeg } from '../../src/carriers/plivo/leg.ts';
import type { PlivoRest } from '../../src/carriers/plivo/rest.ts';
import { PlivoStream } from '../../src/carriers/plivo/stream.ts';
import type { Transfer } from '../../src/carriers/plivo/transfers.ts';
import { FakeSocket } from '../../src/carriers/testing/fake-socket.ts';
import { type HeardCall, TestHost } from '../../src/carriers/testing/test-host.ts';
import { callUuid, type StartChanges, startMessage } from './plivo-host.ts';

/** Plivo's REST API, which says yes unless told otherwise. */
export class FakeRest {
  readonly requests: string[] = [];
  outcome: (request: string) => Promise<boolean> = async () => true;

  readonly endCall = (uuid: string) => this.#asked(`end ${uuid}`);
  readonly cancelRequest = (uuid: string) => this.#asked(`cancel ${uuid}`);
  readonly transfer = (uuid: string, url: string) => this.#asked(`transfer ${uuid} to ${url}`);

  #asked(request: string): Promise<boolean> {
    this.requests.push(request);
    return this.outcome(request);
  }
}

/** One leg and its stream in virtual time, with everything around them written down. */
export class LegBench {
  readonly clock = new VirtualClock();
  readonly host = new TestHost(this.clock);
  readonly rest = new FakeRest();
  readonly offers: Transfer[] = [];
  readonly complaints: string[] = [];
  withdrawn = 0;
  socket = new FakeSocket();
  leg: PlivoLeg;
  call: HeardCall;

  constructor(direction: 'inbound' | 'outbound' = 'inbound', ids: CallIds = { callUuid }) {
    this.leg = new PlivoLeg({
      ids,
      party: { direction, from: '+15550001111', to: '+15550002222', variables: {} },
      log: silentLogger,
      format: pcmu8k,
      maxQueuedMs: 15_000,
      rest: this.rest as unknown as PlivoRest,
      transfers: {
        offer: (transfer) => {
          this.offers.push(transfer);
          return { url: 'https://gw/t', withdraw: () => (this.withdrawn += 1) };
        },
      },
      onEnded: () => undefined,
    });
    this.host.accept(this.leg);
    this.call = this.host.calls[0] as HeardCall;
  }

  /** A socket that is open and has said nothing yet. */
  connect(): void {
    this.socket = new FakeSocket();
    new PlivoStream(this.socket.webSocket, this.socket.connection, {
      clock: this.clock,
      claim: (start, stream) => this.leg.claim(start, stream) ?? this.leg,
      refused: (error, fields) => this.host.refused('plivo', error, fields),
      complained: (event, reason) => this.complaints.push(`${event}: ${reason}`),
    });
  }

  /** A stream that has begun. */
  open(changes: StartChanges = {}): void {
    this.connect();
    this.socket.says(startMessage('t', changes));
  }
}
