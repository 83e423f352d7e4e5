import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type AudioFormat, bytesPerMs } from '../../../src/audio/format.ts';
import { SystemClock } from '../../../src/base/clock.ts';
import type { StreamRequest } from '../../../src/emulators/telnyx/commands.ts';
import { readGatewayMessage } from '../../../src/emulators/telnyx/gateway-message.ts';
import { Ear } from '../ear.ts';
import type { MediaJsonCall } from './media-json.ts';
import { type HeldCall, initiated, type TelnyxApi } from './telnyx-api.ts';

/** Written from Telnyx's "Media streaming over WebSockets". */

const frameMs = 20;

/** How one kind of line differs from another. */
export interface TelnyxStyle {
  readonly format: AudioFormat;
  readonly encoding: 'PCMU' | 'PCMA' | 'L16';
  /** The order of the network, in which L16 is sent. */
  readonly swaps: boolean;
  /** Where the stream's token comes back, if the gateway has asked for one. */
  readonly token: 'header' | 'connected' | 'nested' | 'lost';
}

const tokenField = 'x-telnyx-streaming-auth-token';

export class TelnyxCall implements MediaJsonCall {
  readonly carrierCallId: string;
  readonly streamId = randomUUID();
  readonly ear: Ear;
  readonly closed: Promise<number>;
  readonly style: TelnyxStyle;
  readonly held: HeldCall;
  readonly asked: StreamRequest;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  readonly #changed: () => void;
  #sequence = 0;
  #chunk = 0;
  #sentMs = 0;

  constructor(
    socket: WebSocket,
    held: HeldCall,
    asked: StreamRequest,
    style: TelnyxStyle,
    changed: () => void,
  ) {
    this.held = held;
    this.asked = asked;
    this.carrierCallId = held.id;
    this.style = style;
    this.#socket = socket;
    this.#changed = changed;
    // "clear": all queued marks come back at once.
    const back = (name: string): void => this.message('mark', { mark: { name } });
    const events = { played: back, cleared: back, changed };
    this.ear = new Ear(new SystemClock(), bytesPerMs(style.format), events);
    socket.on('message', (data: Buffer, binary) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    held.onHangup = () => this.#finish();
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.closeCode = code;
        this.ear.close();
        changed();
        resolve(code);
      });
    });
  }

  get violations(): readonly string[] {
    return this.held.violations;
  }

  get format(): AudioFormat {
    return this.style.format;
  }

  get frameBytes(): number {
    return frameMs * bytesPerMs(this.format);
  }

  /** `connected` and `start`; `token` in place of the genuine one. */
  begin(more: { readonly token?: string; readonly callControlId?: string } = {}): void {
    const token = more.token ?? this.asked.authToken;
    const isSent = token !== undefined && (more.token !== undefined || this.style.token !== 'header');
    const field = isSent && this.style.token !== 'lost' ? { [tokenField]: token } : {};
    const connected = this.style.token === 'nested' ? { connected: field } : field;
    this.raw(JSON.stringify({ event: 'connected', version: '1.0.0', ...connected }), false);
    this.message('start', { start: this.startOf(more.callControlId) });
  }

  startOf(callControlId = this.carrierCallId): object {
    const { encoding, format } = this.style;
    return {
      user_id: '3e6f995f-85f7-4705-9741-53b116d28237',
      call_control_id: callControlId,
      call_session_id: randomUUID(),
      from: '+15550001111',
      to: '+15550002222',
      tags: [],
      client_state: null,
      custom_parameters: this.asked.customParameters,
      media_format: { encoding, sample_rate: format.sampleRate, channels: 1 },
    };
  }

  /** A message in Telnyx's envelope: counters are strings, the stream's id is at the top. */
  message(event: string, body: object): void {
    this.#sequence += 1;
    const numbers = { sequence_number: String(this.#sequence), stream_id: this.streamId };
    this.raw(JSON.stringify({ event, ...numbers, ...body }), false);
  }

  send(audio: Buffer): void {
    for (let at = 0; at < audio.length; at += this.frameBytes) {
      this.media(audio.subarray(at, at + this.frameBytes));
    }
  }

  media(audio: Buffer, fields: object = {}): void {
    this.message('media', { media: { ...this.mediaOf(audio), ...fields } });
  }

  /** The next stretch of the caller, to be sent now or later. */
  mediaOf(audio: Buffer): object {
    const timestamp = String(this.#sentMs);
    this.#chunk += 1;
    this.#sentMs += audio.length / bytesPerMs(this.style.format);
    return { track: 'inbound', chunk: String(this.#chunk), timestamp, payload: this.payloadOf(audio) };
  }

  payloadOf(audio: Buffer): string {
    return (this.style.swaps ? Buffer.from(audio).swap16() : audio).toString('base64');
  }

  press(digit: string): void {
    this.message('dtmf', { occurred_at: new Date().toISOString(), dtmf: { digit } });
  }

  hangUp(): void {
    this.#finish();
    this.held.end('caller');
  }

  lose(): void {
    this.#socket.terminate();
  }

  raw(data: string | Buffer, binary: boolean): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data, { binary });
  }

  /** Whoever hung up: `stop`, and the socket closes. */
  #finish(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.message('stop', { stop: { user_id: 'u', call_control_id: this.carrierCallId } });
    this.#socket.close(1000);
  }

  /** "Sending media": `media`, `mark` and `clear`. */
  #received(data: Buffer, binary: boolean): void {
    const reading = readGatewayMessage(data, binary, this.style.format);
    if (!reading.ok) this.held.violations.push(`${reading.violation}: ${reading.detail}`);
    else if (reading.message.event === 'media') {
      const { audio } = reading.message;
      this.ear.play(this.style.swaps ? audio.swap16() : audio);
    } else if (reading.message.event === 'mark') this.ear.mark(reading.message.name);
    else this.ear.clear();
    this.#changed();
  }
}

/** A call that came in, was answered, and whose stream was asked for. Rejects when the gateway does not take it. */
export async function ring(
  gatewayUrl: string,
  api: TelnyxApi,
): Promise<{ readonly held: HeldCall; readonly asked: StreamRequest }> {
  const held = api.newCall(gatewayUrl);
  const status = await held.tell('call.initiated', initiated);
  if (status !== 200) throw new Error(`call.initiated: HTTP ${status}`);
  await held.answered.promise;
  return { held, asked: await held.stream.promise };
}

export function connect(gatewayUrl: string, url: string, token: string | undefined): WebSocket {
  const { pathname, search } = new URL(url);
  const address = `${gatewayUrl.replace('http', 'ws')}${pathname}${search}`;
  return new WebSocket(address, {
    headers: token === undefined ? {} : { [tokenField]: token },
    perMessageDeflate: false,
  });
}

/** The media socket of a call; `url` in place of the one that was asked for. */
export async function stream(
  style: TelnyxStyle,
  gatewayUrl: string,
  call: Awaited<ReturnType<typeof ring>>,
  changed: () => void,
  url = call.asked.url,
): Promise<TelnyxCall> {
  const genuine = url === call.asked.url && style.token === 'header';
  const socket = connect(gatewayUrl, url, genuine ? call.asked.authToken : undefined);
  await once(socket, 'open');
  return new TelnyxCall(socket, call.held, call.asked, style, changed);
}

export async function call(
  style: TelnyxStyle,
  gatewayUrl: string,
  changed: () => void,
  begin: boolean,
  api: TelnyxApi,
): Promise<TelnyxCall> {
  const ringing = await ring(gatewayUrl, api);
  const made = await stream(style, gatewayUrl, ringing, changed);
  ringing.held.mention('streaming.started', { stream_url: ringing.asked.url });
  if (begin) made.begin();
  return made;
}
