import { isRecord } from '../../fields.ts';
import { FakeWebSocket } from '../../testing/fake-socket.ts';
import type { WrittenFrame } from '../../testing/frames-written.ts';

export const sessionId = '30b0e395-84d3-4570-ac13-9a62d8f514c0';
export const organizationId = 'd7934305-0972-4844-938e-9060eef73d05';
export const conversationId = '090eaa2f-72fa-480a-83e0-8667ff89c0ec';
export const nobody = '00000000-0000-0000-0000-000000000000';
export const mono = { type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 };

/** The parameters of an `open`. */
export const openOf = (changes: object = {}): object => ({
  organizationId,
  conversationId,
  participant: {
    id: '883efee8-3d6c-4537-b500-6d7ca4b92fa0',
    ani: 'tel:+15550001111',
    aniName: 'ACME',
    dnis: '+15550002222',
  },
  media: [mono],
  language: 'en-US',
  ...changes,
});

export const probe = openOf({
  conversationId: nobody,
  participant: { id: nobody, ani: '', aniName: '', dnis: '' },
});

export interface Received {
  readonly type: string;
  readonly seq: number;
  readonly clientseq: number;
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A socket with Genesys behind it: counts its own messages, and holds ours to the count. */
export class FakeSocket extends FakeWebSocket {
  readonly received: Received[] = [];
  readonly audio: Buffer[] = [];
  /** What came, in order: types of messages, and `audio` for each binary one. */
  readonly log: string[] = [];
  seq = 0;
  serverseq = 0;

  /** A message of Genesys with its numbers. */
  says(type: string, parameters: object = {}, changes: object = {}): void {
    this.seq += 1;
    const { seq, serverseq } = this;
    const envelope = { version: '2', type, seq, serverseq, id: sessionId, position: 'PT0S' };
    this.text(JSON.stringify({ ...envelope, parameters, ...changes }));
  }

  sends(bytes: number, fill = 1): void {
    this.binary(Buffer.alloc(bytes, fill));
  }

  /** The last message of a type. */
  last(type: string): Received | undefined {
    return this.received.findLast((message) => message.type === type);
  }

  count(type: string): number {
    return this.log.filter((entry) => entry === type).length;
  }

  protected take({ binary, payload }: WrittenFrame): void {
    if (binary) {
      this.audio.push(Buffer.from(payload));
      this.log.push('audio');
      return;
    }
    const message = JSON.parse(payload.toString()) as Received;
    if (message.seq !== this.serverseq + 1) throw new Error(`number ${message.seq} after ${this.serverseq}`);
    if (message.clientseq > this.seq) throw new Error('a number that was never sent');
    if (message.id !== sessionId || 'position' in message) throw new Error('not a message of the server');
    if (!isRecord(message.parameters)) throw new Error('no parameters');
    this.serverseq = message.seq;
    this.received.push(message);
    this.log.push(message.type);
  }
}
