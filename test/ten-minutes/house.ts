import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { silentLogger } from '../../src/base/logger.ts';
import type { VirtualClock } from '../../src/base/virtual-clock.ts';
import type { CallEvent } from '../../src/call/events.ts';
import type { SpeechModel } from '../../src/call/model-session.ts';
import type { Carrier, CarrierHost, Params, WebhookReply } from '../../src/carriers/carrier.ts';
import { SocketServer } from '../../src/carriers/socket-server.ts';
import { loadSettings } from '../../src/config/environment.ts';
import type { Settings } from '../../src/config/schema.ts';
import { streamingServer } from '../../src/server.ts';
import { Switchboard } from '../../src/switchboard.ts';
import { memoryConnection, passedOn } from './memory-connection.ts';

export interface HouseOptions {
  readonly model: SpeechModel;
  readonly clock: VirtualClock;
  readonly env: Readonly<Record<string, string>>;
  carrier(settings: Settings, host: CarrierHost): Carrier;
}

/** A server of a carrier's, with the settings that name it. */
export interface Served {
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** A gateway without a network: its engine and one of its carriers, on connections in memory and on a test's clock. */
export class House {
  readonly clock: VirtualClock;
  readonly events: CallEvent[] = [];
  readonly refusals: string[] = [];
  readonly switchboard: Switchboard;
  readonly carrier: Carrier;
  readonly #server: Server;
  readonly #sockets: SocketServer;

  private constructor(
    options: HouseOptions,
    settings: Settings,
    switchboard: Switchboard,
    refusals: string[],
  ) {
    this.clock = options.clock;
    this.refusals = refusals;
    this.switchboard = switchboard;
    this.switchboard.directory.observe((event) => this.events.push(event));
    const carrier = options.carrier(settings, switchboard.host);
    this.carrier = carrier;
    const served = (carrier.listeners ?? []).filter((listener) => listener.kind === 'http');
    const streams = [carrier, ...served].flatMap((from) => from.streams ?? []);
    const routes = [carrier, ...served].flatMap((from) => from.sockets);
    this.#sockets = new SocketServer(routes, options.clock, silentLogger);
    this.#server = streamingServer(
      streams,
      { clock: options.clock, log: silentLogger },
      (_request, response) => response.writeHead(404).end(),
    );
    this.#server.on('upgrade', this.#sockets.upgrade);
  }

  static async build(options: HouseOptions): Promise<House> {
    const { clock, model, env } = options;
    const settings = loadSettings({
      PUBLIC_URL: 'https://gw.example.com',
      OPENAI_INSTRUCTIONS: 'Be brief.',
      PATCHCORD_FIRST_SPEAKER: 'caller',
      PATCHCORD_NO_INPUT_MS: '0',
      ...env,
    });
    const refusals: string[] = [];
    const switchboard = await Switchboard.create({
      settings,
      clock,
      log: silentLogger,
      model,
      peerRefused: (carrier, error) => refusals.push(`${carrier}: ${error.code} ${error.message}`),
      callRefused: (error) => refusals.push(error.code),
      lookUp: () => Promise.resolve({}),
    });
    return new House(options, settings, switchboard, refusals);
  }

  /** A connection to the port of HTTP and WebSocket. */
  readonly connect = (): Duplex => {
    const { client, server } = memoryConnection();
    this.#server.emit('connection', server);
    return client;
  };

  /** A connection to the carrier's own TCP port. */
  readonly connectTcp = (): Socket => {
    const { client, server } = memoryConnection();
    for (const listener of this.carrier.listeners ?? []) {
      if (listener.kind === 'tcp') listener.connect(server);
    }
    return client;
  };

  /** A webhook of the carrier, as a form. Signatures are not checked. */
  webhook(path: string, form: Readonly<Record<string, string>>): Promise<WebhookReply> {
    const fields = new URLSearchParams(form);
    const body = { type: 'application/x-www-form-urlencoded', text: fields.toString() };
    return this.#ask(path, body, new Map([...fields].map(([name, value]) => [name, [value]])), undefined);
  }

  /** The same as JSON. */
  event(path: string, event: object): Promise<WebhookReply> {
    const body = { type: 'application/json', text: JSON.stringify(event) };
    return this.#ask(path, body, new Map(), event);
  }

  async #ask(
    target: string,
    body: { readonly type: string; readonly text: string },
    form: Params,
    json: unknown,
  ): Promise<WebhookReply> {
    const headers = { 'content-type': body.type };
    const rawBody = Buffer.from(body.text);
    const request = { method: 'POST', target, headers, rawBody, query: new Map(), form, json } as const;
    const route = this.carrier.webhooks.find((each) => each.path === target && each.recognises(request));
    if (route === undefined) throw new Error(`no webhook at ${target}`);
    return route.handle(request);
  }

  /** Moves time on, letting everything on the way arrive at its own time. */
  pass(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms, passedOn);
  }

  eventsOf<T extends CallEvent['type']>(type: T): Extract<CallEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);
  }

  close(): void {
    this.carrier.close();
    this.#sockets.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
