import type { ControlFormat } from './channel-command.ts';

/** What a WebSocket channel is, as MEDIA_START tells it. */
export interface ChannelFacts {
  /** Name of the section in websocket_client.conf: the same for every call. */
  readonly connectionId: string;
  /** `WebSocket/gateway/0x7f1f3c003f60` */
  readonly channel: string;
  /** The only id of the call: `1795187503.4`. */
  readonly channelId: string;
  /** Asterisk's name of the codec. */
  readonly format: string;
  readonly optimalFrameBytes: number;
  readonly ptimeMs: number;
  readonly variables: Readonly<Record<string, string>>;
}

export interface QueueStatus {
  readonly queueLength: number;
  readonly xonLevel: number;
  readonly xoffLevel: number;
  readonly queueFull: boolean;
  readonly bulkMedia: boolean;
  readonly mediaPaused: boolean;
}

export type ChannelEvent =
  | { readonly event: 'MEDIA_START' }
  | { readonly event: 'MEDIA_XOFF' | 'MEDIA_XON' | 'QUEUE_DRAINED' }
  | { readonly event: 'DTMF_END'; readonly digit: string }
  | { readonly event: 'MEDIA_MARK_PROCESSED' | 'MEDIA_BUFFERING_COMPLETED'; readonly id: string }
  | ({ readonly event: 'STATUS' } & QueueStatus)
  | { readonly event: 'ERROR'; readonly errorText: string };

export interface EventStyle {
  readonly format: ControlFormat;
  /** As the first versions wrote them: without `channel_id` and `ptime`. */
  readonly early?: boolean;
}

/**
 * An event as Asterisk writes it, field by field in its order. Asterisk documentation, "WebSocket Channel", section
 * "Control Commands and Events"; the order of the fields is that of Asterisk 22.10.
 */
export function writeEvent(event: ChannelEvent, facts: ChannelFacts, style: EventStyle): string {
  const id = style.early === true ? [] : [['channel_id', facts.channelId] as const];
  const ptime = style.early === true ? [] : [['ptime', facts.ptimeMs] as const];
  switch (event.event) {
    case 'MEDIA_START': {
      const fields = [
        ['connection_id', facts.connectionId] as const,
        ['channel', facts.channel] as const,
        ...id,
        ['format', facts.format] as const,
        ['optimal_frame_size', facts.optimalFrameBytes] as const,
        ...ptime,
      ];
      if (style.format === 'plain-text') return pairs(event.event, fields);
      return json(event.event, [...fields, ['channel_variables', facts.variables]]);
    }
    case 'DTMF_END': {
      const digit = ['digit', event.digit] as const;
      if (style.format === 'plain-text') return pairs(event.event, [digit, ...id]);
      return json(event.event, [...id, digit]);
    }
    case 'STATUS': {
      const fields = [
        ...id,
        ['queue_length', event.queueLength] as const,
        ['xon_level', event.xonLevel] as const,
        ['xoff_level', event.xoffLevel] as const,
        ['queue_full', event.queueFull] as const,
        ['bulk_media', event.bulkMedia] as const,
        ['media_paused', event.mediaPaused] as const,
      ];
      return style.format === 'json' ? json(event.event, fields) : pairs(event.event, fields);
    }
    case 'MEDIA_MARK_PROCESSED':
    case 'MEDIA_BUFFERING_COMPLETED':
      if (style.format === 'json') return json(event.event, [...id, ['correlation_id', event.id]]);
      return event.id === '' ? event.event : `${event.event} ${event.id}`;
    case 'ERROR': {
      const fields = [...id, ['error_text', event.errorText] as const];
      return style.format === 'json' ? json(event.event, fields) : pairs(event.event, fields);
    }
    case 'MEDIA_XOFF':
    case 'MEDIA_XON':
    case 'QUEUE_DRAINED':
      return style.format === 'json' ? json(event.event, id) : event.event;
  }
}

type Field = readonly [name: string, value: string | number | boolean | object];

function json(event: string, fields: readonly Field[]): string {
  return JSON.stringify({ event, ...Object.fromEntries(fields) });
}

function pairs(event: string, fields: readonly Field[]): string {
  return [event, ...fields.map(([name, value]) => `${name}:${String(value)}`)].join(' ');
}
