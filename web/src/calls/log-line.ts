import type { CallEvent } from '../../../src/call/events.ts';

/** What a line of the event log is about; the log is filtered by it. */
export type LogTopic = 'call' | 'speech' | 'latency' | 'model' | 'error';

export const logTopics: readonly LogTopic[] = ['call', 'speech', 'latency', 'model', 'error'];

export interface LogLine {
  /** Rises by one per line of this page. */
  readonly id: number;
  readonly callId: string;
  readonly atEpochMs: number;
  readonly topic: LogTopic;
  readonly type: CallEvent['type'];
  readonly detail: string;
}

/** The line of an event; undefined for those that come many times a second and are seen in the transcript. */
export function logLine(id: number, event: CallEvent): LogLine | undefined {
  const told = describe(event);
  if (told === undefined) return undefined;
  const { callId, atEpochMs, type } = event;
  return { id, callId, atEpochMs, type, topic: told[0], detail: told[1] };
}

function describe(event: CallEvent): readonly [LogTopic, string] | undefined {
  switch (event.type) {
    case 'turn.updated':
    case 'usage':
      return undefined;
    case 'call.started':
      return ['call', `${event.call.carrier} ${event.call.direction}`];
    case 'call.state':
      return ['call', `${event.from} → ${event.to} (${event.cause})`];
    case 'call.ended':
      return ['call', event.reason];
    case 'digit':
      return ['call', event.digit];
    case 'model.state':
      return ['model', `${event.from} → ${event.to} (${event.cause})`];
    case 'tool.started':
      return ['model', event.name];
    case 'tool.finished':
      return ['model', `${event.name} ${event.ok ? 'done' : 'failed'} in ${Math.round(event.durationMs)} ms`];
    case 'turn.started':
      return ['speech', event.turn.role];
    case 'turn.ended':
      return [
        'speech',
        event.turn.cut === undefined ? event.turn.role : `${event.turn.role}, cut: ${event.turn.cut}`,
      ];
    case 'speech.started':
    case 'speech.stopped':
      return ['speech', 'caller'];
    case 'barge-in':
      return ['speech', `${event.cause}, cleared in ${event.clearMs.toFixed(2)} ms`];
    case 'latency.pick-up':
      return ['latency', `first audio after ${Math.round(event.firstAudioMs)} ms`];
    case 'latency.turn':
      return ['latency', `turn ${event.turnId}: ${Math.round(event.firstAudioMs)} ms${heard(event.heardMs)}`];
    case 'playout.underrun':
      return ['error', 'the carrier ran out of audio'];
    case 'caller-audio.lost':
      return ['error', `${Math.round(event.lostMs)} ms of the caller lost`];
    case 'agent-audio.lost':
      return ['error', `${Math.round(event.lostMs)} ms of the agent lost`];
    case 'error':
      return ['error', `${event.code} ${event.message}`];
  }
}

function heard(heardMs: number | undefined): string {
  return heardMs === undefined ? '' : `, heard ${Math.round(heardMs)} ms`;
}

/** Lines of the chosen topics that hold every word of `search`. */
export function filterLines(
  lines: readonly LogLine[],
  topics: ReadonlySet<LogTopic>,
  search: string,
  callId?: string,
): readonly LogLine[] {
  const words = search.toLowerCase().split(/\s+/);
  return lines.filter(
    (line) =>
      topics.has(line.topic) &&
      (callId === undefined || line.callId === callId) &&
      words.every((word) => `${line.type} ${line.detail} ${line.callId}`.toLowerCase().includes(word)),
  );
}
