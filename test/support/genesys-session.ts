import { AudioChunk } from '../../src/audio/chunk.ts';
import { VirtualClock } from '../../src/base/virtual-clock.ts';
import type { Turn } from '../../src/call/turn.ts';
import type { SocketRoute } from '../../src/carriers/carrier.ts';
import { type GenesysSettings, genesysCarrier } from '../../src/carriers/genesys/carrier.ts';
import {
  FakeSocket,
  openOf,
  organizationId,
  sessionId,
} from '../../src/carriers/genesys/testing/fake-socket.ts';
import { type HeardCall, TestHost } from '../../src/carriers/testing/test-host.ts';

export const testSettings: GenesysSettings = {
  apiKey: 'SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh',
  frameMs: 200,
  maxFramesPerSecond: 5,
  maxMessagesPerSecond: 10,
  maxQueuedMs: 60_000,
  agentName: 'AI Assistant',
  companyName: 'Our Company',
  endingPrompt: 'A summary.',
};

/** Lets what was written in this turn of the event loop leave. */
export const written = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

export const chunk = (bytes: number, fill = 7): AudioChunk => AudioChunk.fromBytes(Buffer.alloc(bytes, fill));

export const agentTurn = (turnId: number, text: string): Turn => ({
  turnId,
  role: 'agent',
  startedAtMs: 0,
  text,
  heardText: text,
  heardMs: 100,
  generatedMs: 100,
  ended: true,
});

/** The carrier in virtual time, with one session on a fake socket. */
export class VirtualSession {
  readonly clock: VirtualClock;
  readonly host: TestHost;
  readonly socket = new FakeSocket();

  constructor(clock = new VirtualClock(), host = new TestHost(clock)) {
    this.clock = clock;
    this.host = host;
    const [route] = genesysCarrier(testSettings, this.host).sockets as [SocketRoute];
    const headers = { 'audiohook-session-id': sessionId, 'audiohook-organization-id': organizationId };
    const request = { headers, socket: this.socket.connection };
    route.connect(this.socket.webSocket, request as unknown as Parameters<SocketRoute['connect']>[1]);
  }

  get call(): HeardCall {
    return this.host.calls.at(-1) as HeardCall;
  }

  /** The call, once Genesys has opened the session. */
  async live(changes: object = {}): Promise<HeardCall> {
    this.socket.says('open', openOf(changes));
    await written();
    return this.call;
  }
}
