import net from 'node:net';
import type { CarrierWire, WireEvents, WireTraits } from '../carrier-wire.ts';
import type { Coding } from '../coding.ts';
import { slin8, slin16 } from '../codings.ts';

const headerBytes = 3;
const hangUpKind = 0x00;
const uuidKind = 0x01;
/** 8 kHz. */
const defaultKind = 0x10;
const audioKinds = new Map([
  [slin8, defaultKind],
  [slin16, 0x12],
]);
const connectMs = 10_000;

/** Asterisk's AudioSocket, "Channel Drivers - AudioSocket": audio goes to the phone as it comes, and only audio may come. */
export class AudioSocketWire implements CarrierWire {
  readonly coding: Coding;
  readonly traits: WireTraits = {
    plays: 'at-once',
    acknowledges: 'nothing',
    clearedMarks: 'dropped',
    blocksPerMessage: 1,
  };
  readonly #tcp: net.Socket;
  readonly #number: number;
  readonly #uuid: Buffer;
  readonly #kind: number;
  #frame: Buffer;
  #rest: Buffer | undefined;
  #problem: string | undefined;
  #heard = false;

  private constructor(options: { tcp: net.Socket; number: number; uuid: Buffer; coding: Coding }) {
    this.#tcp = options.tcp;
    this.#number = options.number;
    this.#uuid = options.uuid;
    this.coding = options.coding;
    this.#kind = audioKinds.get(options.coding) ?? 0;
    this.#frame = frameOf(this.#kind, Buffer.alloc(options.coding.blockBytes));
  }

  static async connect(options: {
    port: number;
    number: number;
    uuid: Buffer;
    coding: Coding;
  }): Promise<AudioSocketWire> {
    const tcp = net.connect(options.port, '127.0.0.1');
    tcp.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      const bound = setTimeout(() => tcp.destroy(new Error('AudioSocket: no connection in 10 s')), connectMs);
      tcp.once('connect', () => {
        clearTimeout(bound);
        tcp.off('error', reject);
        resolve();
      });
      tcp.once('error', reject);
    });
    return new AudioSocketWire({ ...options, tcp });
  }

  start(events: WireEvents): void {
    this.#tcp.on('data', (bytes: Buffer) => this.#onData(bytes, events));
    this.#tcp.on('error', (error) => {
      this.#problem ??= error.message;
    });
    this.#tcp.once('close', () => events.closed(this.#problem));
    this.#tcp.write(frameOf(uuidKind, this.#uuid));
  }

  send(block: number): void {
    if (!this.#tcp.writable) return;
    // What may still wait to be written must not be changed.
    if (this.#tcp.writableLength > 0) this.#frame = Buffer.from(this.#frame);
    this.coding.writeBlock(this.#frame, headerBytes, this.#number, block);
    this.#tcp.write(this.#frame);
  }

  acknowledge(): void {
    // AudioSocket has no such thing.
  }

  /** The phone's hang-up is told by FIN alone. */
  hangUp(): void {
    this.#tcp.end();
  }

  #onData(chunk: Buffer, events: WireEvents): void {
    const nowMs = performance.now();
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const start = at + headerBytes;
      const end = start + bytes.readUInt16BE(at + 1);
      if (end > bytes.length) break;
      this.#onFrame(bytes[at] ?? 0, bytes.subarray(start, end), nowMs, events);
      at = end;
    }
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : undefined;
  }

  #onFrame(kind: number, payload: Buffer, nowMs: number, events: WireEvents): void {
    if (kind === hangUpKind) {
      this.#problem ??= 'hung up by the subject';
      this.#tcp.end();
      return;
    }
    // The subject learns the rate from our first frame; Asterisk converts what it is sent before.
    if (kind === defaultKind && !this.#heard && kind !== this.#kind) return;
    this.#heard = true;
    if (kind !== this.#kind) events.violation(`AudioSocket frame of kind ${kind}`);
    else if (payload.length !== this.coding.blockBytes)
      events.violation(`AudioSocket frame of ${payload.length} bytes`);
    else events.audio(payload, nowMs);
  }
}

function frameOf(kind: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(headerBytes + payload.length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt16BE(payload.length, 1);
  frame.set(payload, headerBytes);
  return frame;
}
