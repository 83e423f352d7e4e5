import { isDeepStrictEqual } from 'node:util';
import { type Fields, isObject } from '../phone/json-frame.ts';
import type { MediaOffer } from './client-envelope.ts';
import { msOf } from './duration.ts';

/** What a server may do wrong, in one word each. */
export type WireFault =
  | 'not-json'
  | 'malformed'
  | 'wrong-version'
  | 'wrong-seq'
  | 'wrong-clientseq'
  | 'wrong-id'
  | 'position-of-server'
  | 'unknown-type'
  | 'media-not-offered'
  | 'variable-not-string'
  | 'text-too-large';

export interface Fault {
  readonly kind: WireFault;
  readonly detail: string;
}

export type DisconnectReason = 'completed' | 'unauthorized' | 'error';

export type ServerMessage =
  | { readonly type: 'opened'; readonly media: readonly MediaOffer[]; readonly startPaused: boolean }
  | { readonly type: 'pong'; readonly clientseq: number }
  | { readonly type: 'closed'; readonly parameters: Readonly<Record<string, unknown>> }
  | {
      readonly type: 'disconnect';
      readonly reason: DisconnectReason;
      readonly info: string | undefined;
      readonly outputVariables: Readonly<Record<string, string>>;
    }
  | { readonly type: 'pause' | 'resume' | 'reconnect' | 'updated' }
  | { readonly type: 'event'; readonly entities: readonly Entity[] };

export type Entity =
  | { readonly type: 'barge_in' }
  | { readonly type: 'bot_turn_response'; readonly data: BotTurnResponse }
  | { readonly type: 'other'; readonly name: string };

export interface BotTurnResponse {
  readonly disposition: 'no_input' | 'no_match' | 'match';
  readonly text?: string;
  readonly confidence?: number;
}

export interface Reading {
  /** Undefined when nothing can be made of it. */
  readonly message: ServerMessage | undefined;
  readonly faults: readonly Fault[];
}

/** AudioHook, "Message size": text of more than this is refused with 413. */
const maxTextBytes = 65_535;

/** Judges the text messages of a server, in order: one per session. Does no I/O and never throws. */
export class ServerReader {
  readonly #id: string;
  readonly #offers: readonly MediaOffer[];
  #seq = 0;
  #clientseq = 0;

  constructor(id: string, offers: readonly MediaOffer[]) {
    this.#id = id;
    this.#offers = offers;
  }

  /** The last `seq` of the server. */
  get seq(): number {
    return this.#seq;
  }

  /** `sentSeq`: of the last message that was sent to the server. */
  read(data: Buffer | string, sentSeq: number): Reading {
    const faults: Fault[] = [];
    const fault = (kind: WireFault, detail: string): void => {
      faults.push({ kind, detail });
    };
    if (data.length > maxTextBytes) fault('text-too-large', `${data.length} bytes`);
    let frame: unknown;
    try {
      frame = JSON.parse(data.toString());
    } catch (error) {
      fault('not-json', error instanceof Error ? error.name : 'unreadable');
      return { message: undefined, faults };
    }
    if (!isObject(frame)) {
      fault('malformed', 'not an object');
      return { message: undefined, faults };
    }
    this.#envelope(frame, sentSeq, fault);
    const { parameters } = frame;
    if (!isObject(parameters)) fault('malformed', `parameters of ${shown(frame.type)} is no object`);
    const message = this.#body(frame, isObject(parameters) ? parameters : {}, fault);
    return { message, faults };
  }

  /** AudioHook, "Message structure". */
  #envelope(frame: Fields, sentSeq: number, fault: (kind: WireFault, detail: string) => void): void {
    const { version, seq, clientseq, id } = frame;
    if (version !== '2') fault('wrong-version', `version ${shown(version)}`);
    if (id !== this.#id) fault('wrong-id', 'id of another session');
    if ('position' in frame) fault('position-of-server', 'only the client has a position');
    if ('serverseq' in frame) fault('malformed', 'serverseq is the name of the client');
    if (!isCount(seq) || seq !== this.#seq + 1) {
      fault('wrong-seq', `seq ${shown(seq)} after ${this.#seq}`);
    }
    if (isCount(seq)) this.#seq = seq;
    if (!isCount(clientseq) || clientseq > sentSeq || clientseq < this.#clientseq) {
      fault('wrong-clientseq', `clientseq ${shown(clientseq)} when ${sentSeq} was sent`);
    }
    if (isCount(clientseq)) this.#clientseq = clientseq;
  }

  /** AudioHook, "Server messages". */
  #body(
    frame: Fields,
    parameters: Fields,
    fault: (kind: WireFault, detail: string) => void,
  ): ServerMessage | undefined {
    const { type } = frame;
    switch (type) {
      case 'opened':
        return this.#opened(parameters, fault);
      case 'pong':
        return { type, clientseq: isCount(frame.clientseq) ? frame.clientseq : -1 };
      case 'closed':
        return { type, parameters };
      case 'disconnect':
        return disconnectOf(parameters, fault);
      case 'pause':
      case 'resume':
      case 'reconnect':
      case 'updated':
        return { type };
      case 'event':
        return eventOf(parameters, fault);
      default:
        fault('unknown-type', shown(type));
        return undefined;
    }
  }

  #opened(parameters: Fields, fault: (kind: WireFault, detail: string) => void): ServerMessage {
    const { media, startPaused, discardTo, supportedLanguages } = parameters;
    const chosen = Array.isArray(media) ? (media as unknown[]) : [];
    if (!Array.isArray(media)) fault('malformed', 'opened.media is no list');
    if (chosen.length > 1) fault('media-not-offered', `${chosen.length} media chosen`);
    const offers = chosen.map((one) => this.#offers.find((offer) => isDeepStrictEqual(offer, one)));
    if (offers.includes(undefined)) fault('media-not-offered', JSON.stringify(chosen).slice(0, 200));
    if (startPaused !== undefined && typeof startPaused !== 'boolean') {
      fault('malformed', 'opened.startPaused is no boolean');
    }
    if (discardTo !== undefined && msOf(discardTo) === undefined) {
      fault('malformed', 'opened.discardTo is no duration');
    }
    if (supportedLanguages !== undefined) fault('malformed', 'supportedLanguages that nobody asked for');
    return {
      type: 'opened',
      media: offers.filter((offer) => offer !== undefined),
      startPaused: startPaused === true,
    };
  }
}

function disconnectOf(parameters: Fields, fault: (kind: WireFault, detail: string) => void): ServerMessage {
  const { reason, info, outputVariables = {} } = parameters;
  const known = reason === 'completed' || reason === 'unauthorized' || reason === 'error';
  if (!known) fault('malformed', `disconnect.reason ${shown(reason)}`);
  if (info !== undefined && typeof info !== 'string') fault('malformed', 'disconnect.info is no string');
  const variables: Record<string, string> = Object.create(null);
  if (!isObject(outputVariables)) fault('malformed', 'disconnect.outputVariables is no object');
  else {
    for (const [name, value] of Object.entries(outputVariables)) {
      if (typeof value === 'string') variables[name] = value;
      else fault('variable-not-string', `${name} is ${value === null ? 'null' : typeof value}`);
    }
  }
  return {
    type: 'disconnect',
    reason: known ? reason : 'error',
    info: typeof info === 'string' ? info : undefined,
    outputVariables: variables,
  };
}

function eventOf(parameters: Fields, fault: (kind: WireFault, detail: string) => void): ServerMessage {
  const { entities } = parameters;
  if (!Array.isArray(entities)) {
    fault('malformed', 'event.entities is no list');
    return { type: 'event', entities: [] };
  }
  const read = (entities as unknown[]).map((entity) => entityOf(entity, fault));
  return { type: 'event', entities: read.filter((entity) => entity !== undefined) };
}

function entityOf(entity: unknown, fault: (kind: WireFault, detail: string) => void): Entity | undefined {
  if (!isObject(entity) || typeof entity.type !== 'string' || !isObject(entity.data)) {
    fault('malformed', 'an entity has a type and an object as data');
    return undefined;
  }
  const { type, data } = entity;
  if (type === 'barge_in') {
    if (Object.keys(data).length > 0) fault('malformed', 'barge_in has no data');
    return { type };
  }
  if (type !== 'bot_turn_response') return { type: 'other', name: type };
  const { disposition, text, confidence } = data;
  if (disposition !== 'no_input' && disposition !== 'no_match' && disposition !== 'match') {
    fault('malformed', `bot_turn_response.disposition ${shown(disposition)}`);
    return undefined;
  }
  if (text !== undefined && typeof text !== 'string')
    fault('malformed', 'bot_turn_response.text is no string');
  const isShare = typeof confidence === 'number' && confidence >= 0 && confidence <= 1;
  if (confidence !== undefined && !isShare) fault('malformed', 'bot_turn_response.confidence is not 0 to 1');
  return {
    type,
    data: {
      disposition,
      ...(typeof text === 'string' ? { text } : {}),
      ...(isShare ? { confidence } : {}),
    },
  };
}

/** Never throws, unlike `String` of an object from JSON that brings its own `toString`. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'none').slice(0, 40);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
