import { type CarrierWire, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import type { RawSocket } from '../raw-socket.ts';

interface Message {
  version?: unknown;
  type?: unknown;
  seq?: unknown;
  clientseq?: unknown;
  id?: unknown;
  parameters?: { entities?: unknown };
}

/** Genesys sends 200 ms at a time. */
const blocksPerMessage = 10;
/** It pings after a second, again when that is answered, and then every 5 s. */
const firstPingBlock = 50;
const pingBlocks = 250;
/** More binary messages in a second than this have been seen to end a session with 429. */
const maxBinaryPerSecond = 10;
const maxBinaryBytes = 64_000;
const openMs = 5_000;

/** The client's side of AudioHook protocol version 2, as Genesys Cloud's Audio Connector has it. */
export class GenesysWire implements CarrierWire {
  readonly coding = mulaw;
  readonly traits: WireTraits;
  readonly #socket: RawSocket;
  readonly #number: number;
  readonly #sessionId: string;
  readonly #blocks = Buffer.alloc(blocksPerMessage * mulaw.blockBytes);
  readonly #binaryAtMs: number[] = [];
  #seq = 0;
  #serverseq = 0;
  #positionMs = 0;
  #pingedAtMs: number | undefined;
  #rttMs = 0;

  constructor({ socket, number, sessionId }: { socket: RawSocket; number: number; sessionId: string }) {
    this.#socket = socket;
    this.#number = number;
    this.#sessionId = sessionId;
    // Whether `playback_completed` follows a barge-in is not known: to half of the calls it does.
    const clearedMarks = number % 2 === 0 ? 'returned' : 'dropped';
    this.traits = { plays: 'queued', acknowledges: 'events', clearedMarks, blocksPerMessage };
  }

  /** Sends `open`; settles when the subject has answered with `opened`, rejects after 5 s, as Genesys gives up then. */
  open(organizationId: string): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      const bound = setTimeout(() => reject(new Error('Genesys: no `opened` within 5 s')), openMs);
      const settle = (settled: () => void): void => {
        clearTimeout(bound);
        settled();
      };
      this.#socket.listen({
        message: (payload) => {
          const answer = payload.toString();
          this.#serverseq = 1;
          if (answer.includes('"type":"opened"')) settle(resolve);
          else settle(() => reject(new Error(`Genesys: ${answer.slice(0, 200)}`)));
        },
        closed: () => settle(() => reject(new Error('Genesys: closed before `opened`'))),
      });
    });
    const participant = { id: this.#sessionId, ani: '+15550001111', aniName: '', dnis: '+15550002222' };
    const media = [{ type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 }];
    this.#say('open', {
      organizationId,
      conversationId: this.#sessionId,
      participant,
      media,
      language: 'en-US',
      inputVariables: {},
    });
    return opened;
  }

  start(events: WireEvents): void {
    this.#socket.listen({
      message: (payload, isText) => this.#onMessage(payload, isText, events),
      closed: (_clean, problem) => events.closed(problem),
    });
  }

  send(first: number): void {
    for (let block = 0; block < blocksPerMessage; block++)
      mulaw.writeBlock(this.#blocks, block * mulaw.blockBytes, this.#number, first + block);
    this.#socket.sendBinary(this.#blocks);
    const next = first + blocksPerMessage;
    this.#positionMs = next * 20;
    if (next >= firstPingBlock && (next - firstPingBlock) % pingBlocks === 0) this.#ping();
  }

  acknowledge(name: string): void {
    this.#say(`playback_${name}`, {});
  }

  /** `close`; the subject answers with `closed`, and we close the socket. */
  hangUp(): void {
    this.#say('close', { reason: 'end' });
    this.#socket.close();
  }

  #ping(): void {
    this.#pingedAtMs = performance.now();
    this.#say('ping', this.#rttMs > 0 ? { rtt: duration(this.#rttMs) } : {});
  }

  #ponged(nowMs: number): void {
    const isFirst = this.#rttMs === 0;
    if (this.#pingedAtMs !== undefined) this.#rttMs = nowMs - this.#pingedAtMs;
    this.#pingedAtMs = undefined;
    if (isFirst) this.#ping();
  }

  #say(type: string, parameters: object): void {
    this.#seq += 1;
    const numbers = { seq: this.#seq, serverseq: this.#serverseq, id: this.#sessionId };
    const position = duration(this.#positionMs);
    this.#socket.sendText(JSON.stringify({ version: '2', type, ...numbers, position, parameters }));
  }

  #onMessage(payload: Buffer, isText: boolean, events: WireEvents): void {
    const nowMs = performance.now();
    if (!isText) {
      this.#onBinary(payload, nowMs, events);
      return;
    }
    const message = readJson<Message>(payload, isText, events);
    if (!message) return;
    this.#serverseq += 1;
    if (message.version !== '2' || message.id !== this.#sessionId) events.violation('wrong version or id');
    if (message.seq !== this.#serverseq) events.violation('server sequence number out of order');
    if (!(Number(message.clientseq) <= this.#seq)) events.violation('client sequence number from the future');
    switch (message.type) {
      case 'pong':
        this.#ponged(nowMs);
        return;
      case 'event':
        if (bargesIn(message.parameters?.entities)) events.clear(nowMs);
        return;
      case 'closed':
        return;
      default:
        events.violation(`unexpected message to the carrier: ${String(message.type)}`);
    }
  }

  #onBinary(audio: Buffer, nowMs: number, events: WireEvents): void {
    if (audio.length > maxBinaryBytes) events.violation('a binary message of more than 64,000 bytes');
    this.#binaryAtMs.push(nowMs);
    const oldestMs = this.#binaryAtMs.length > maxBinaryPerSecond ? this.#binaryAtMs.shift() : undefined;
    if (oldestMs !== undefined && nowMs - oldestMs < 1000)
      events.violation('more binary messages in a second than Genesys takes');
    events.audio(audio, nowMs);
  }
}

function bargesIn(entities: unknown): boolean {
  return Array.isArray(entities) && entities.some((entity: { type?: unknown }) => entity.type === 'barge_in');
}

/** Seconds, as AudioHook writes a duration. */
function duration(ms: number): string {
  return `PT${(ms / 1000).toFixed(3)}S`;
}
