import { type CarrierWire, readJson, type WireEvents, type WireTraits } from '../carrier-wire.ts';
import { mulaw } from '../codings.ts';
import type { RawSocket } from '../raw-socket.ts';

interface Command {
  command?: unknown;
  correlation_id?: unknown;
}

/** Asterisk ignores a command that is longer. */
const maxCommandBytes = 128;

/** Asterisk's chan_websocket with `c(ulaw)f(json)`: audio is binary, commands are text; a flush throws marks away. */
export class AsteriskWire implements CarrierWire {
  readonly coding = mulaw;
  readonly traits: WireTraits = {
    plays: 'queued',
    acknowledges: 'marks',
    clearedMarks: 'dropped',
    blocksPerMessage: 1,
  };
  readonly #socket: RawSocket;
  readonly #number: number;
  readonly #channelId: string;
  readonly #block = Buffer.alloc(mulaw.blockBytes);

  constructor(socket: RawSocket, number: number) {
    this.#socket = socket;
    this.#number = number;
    this.#channelId = `1795187503.${number}`;
  }

  start(events: WireEvents): void {
    this.#socket.listen({
      message: (payload, isText) => this.#onMessage(payload, isText, events),
      closed: (_clean, problem) => events.closed(problem),
    });
    this.#send({
      event: 'MEDIA_START',
      connection_id: 'bench',
      channel: `WebSocket/bench/0x${this.#number.toString(16)}`,
      channel_id: this.#channelId,
      format: 'ulaw',
      optimal_frame_size: mulaw.blockBytes,
      ptime: 20,
      channel_variables: { MEDIA_WEBSOCKET_CONNECTION_ID: 'bench' },
    });
  }

  send(block: number): void {
    mulaw.writeBlock(this.#block, 0, this.#number, block);
    this.#socket.sendBinary(this.#block);
  }

  acknowledge(name: string): void {
    this.#send({ event: 'MEDIA_MARK_PROCESSED', channel_id: this.#channelId, correlation_id: name });
  }

  hangUp(): void {
    this.#socket.close();
  }

  #send(event: object): void {
    this.#socket.sendText(JSON.stringify(event));
  }

  #onMessage(payload: Buffer, isText: boolean, events: WireEvents): void {
    const nowMs = performance.now();
    if (!isText) {
      // Asterisk drops the tail of such a message.
      if (payload.length % mulaw.blockBytes !== 0)
        events.violation('audio that is no whole number of frames');
      events.audio(payload, nowMs);
      return;
    }
    if (payload.length > maxCommandBytes) events.violation('a command of more than 128 bytes');
    const command = readJson<Command>(payload, isText, events);
    switch (command?.command) {
      case 'MARK_MEDIA':
        if (typeof command.correlation_id === 'string') events.mark(command.correlation_id, nowMs);
        else events.violation('mark without an id');
        return;
      case 'FLUSH_MEDIA':
        events.clear(nowMs);
        return;
      case 'ANSWER':
        return;
      default:
        if (command) events.violation(`unknown command to the carrier: ${String(command.command)}`);
    }
  }
}
