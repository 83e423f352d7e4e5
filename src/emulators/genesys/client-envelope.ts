import { durationOf } from './duration.ts';

/** AudioHook, "Client messages": what Genesys sends. */
export type ClientMessageType =
  | 'open'
  | 'ping'
  | 'close'
  | 'error'
  | 'discarded'
  | 'paused'
  | 'resumed'
  | 'update'
  | 'dtmf'
  | 'playback_started'
  | 'playback_completed';

/**
 * Puts Genesys's messages into their envelope. AudioHook, "Message structure": `seq` starts at 1 and rises by one per
 * message, `serverseq` is the last one received, binary frames count in neither, `position` is the audio sent so far.
 */
export class ClientEnvelope {
  readonly id: string;
  /** Of the last message sent; 0 before the first. */
  seq = 0;
  /** Of the last message received; 0 before the first. */
  serverseq = 0;

  constructor(id: string) {
    this.id = id;
  }

  message(type: ClientMessageType | (string & {}), parameters: object, positionMs: number): string {
    this.seq += 1;
    return JSON.stringify({
      version: '2',
      type,
      seq: this.seq,
      serverseq: this.serverseq,
      id: this.id,
      position: durationOf(positionMs),
      parameters,
    });
  }
}

/** An element of `media` in `open`. */
export interface MediaOffer {
  readonly type: 'audio';
  readonly format: string;
  readonly channels: readonly ('external' | 'internal')[];
  readonly rate: number;
}

/** The Audio Connector offers the caller's channel alone. */
export const callerOffer: MediaOffer = { type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 };

/** Ids of the connection probe: of the conversation and of the participant. */
export const probeId = '00000000-0000-0000-0000-000000000000';

export interface OpenDetails {
  readonly organizationId: string;
  readonly conversationId: string;
  readonly participantId: string;
  readonly ani: string;
  readonly aniName: string;
  readonly dnis: string;
  readonly media: readonly MediaOffer[];
  readonly language?: string;
  readonly inputVariables?: Readonly<Record<string, string>>;
}

/** Parameters of `open`. AudioHook, "open"; `inputVariables` is the Audio Connector's. */
export function openParameters(details: OpenDetails): object {
  const { organizationId, conversationId, participantId, ani, aniName, dnis, media } = details;
  const { language, inputVariables } = details;
  return {
    organizationId,
    conversationId,
    participant: { id: participantId, ani, aniName, dnis },
    media,
    ...(language === undefined ? {} : { language }),
    ...(inputVariables === undefined ? {} : { inputVariables }),
  };
}
