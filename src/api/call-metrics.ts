import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Seconds, around what people notice in a conversation. */
const answerBuckets = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10];

/** What is counted of calls. */
export function callMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name: `patchcord_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[] = [],
  ) => new Histogram<Label>({ name: `patchcord_${name}`, help, buckets, labelNames, registers });

  return {
    live: new Gauge({
      name: 'patchcord_live_calls',
      help: 'Calls from their first ring to their end.',
      labelNames: ['carrier'] as const,
      registers,
    }),
    started: counter('calls_started_total', 'Calls taken or dialled.', ['carrier', 'direction']),
    ended: counter('calls_total', 'Calls that have ended, by why they did.', ['carrier', 'reason']),
    callDuration: histogram(
      'call_duration_seconds',
      'From the start of media to the end; 0 for a call that had none.',
      [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600],
      ['carrier'],
    ),
    pickUp: histogram(
      'pick_up_to_first_audio_seconds',
      'From the start of media to the first audio of the agent that was sent.',
      answerBuckets,
      ['carrier'],
    ),
    answer: histogram(
      'caller_stopped_to_first_audio_seconds',
      'From the moment the caller fell silent to the first audio of the answer that was sent.',
      answerBuckets,
      ['carrier'],
    ),
    answerHeard: histogram(
      'caller_stopped_to_heard_seconds',
      'From the moment the caller fell silent to the first audio of the answer that sounded, where carriers acknowledge.',
      answerBuckets,
      ['carrier'],
    ),
    endpointing: histogram(
      'endpointing_seconds',
      'Silence that the model waited for before it took the turn; part of the two above.',
      [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3],
    ),
    clear: histogram(
      'barge_in_to_clear_seconds',
      "From reading that the caller speaks to writing the carrier's clear.",
      [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05],
    ),
    bargeIns: counter('barge_ins_total', 'Answers that were cut, by what cut them.', ['carrier', 'cause']),
    truncationRejections: counter(
      'truncation_rejections_total',
      'Times a model refused to be told how much was heard; should stay 0.',
    ),
    underruns: counter('underruns_total', 'Times the carrier ran out of audio within an answer.', [
      'carrier',
    ]),
    lostCallerAudio: counter(
      'lost_caller_audio_seconds_total',
      'Caller audio that the model never had, or that was lost with it before its words were written down.',
      ['carrier'],
    ),
    lostAgentAudio: counter(
      'lost_agent_audio_seconds_total',
      'Audio that models made further ahead than can wait to be heard.',
      ['carrier'],
    ),
    paddedCallerAudio: counter(
      'padded_caller_audio_seconds_total',
      "Silence put in where the carrier's media had gaps; counted when a call ends.",
      ['carrier'],
    ),
    modelErrors: counter('model_errors_total', 'Errors of speech models within calls.', ['code']),
    modelResumes: counter(
      'model_resumes_total',
      'Times a call had to go on with another session with its model, be it that none came.',
    ),
    errors: counter('call_errors_total', 'All errors within calls.', ['carrier', 'code']),
    tools: counter('tool_calls_total', 'Tools that a model called.', ['outcome']),
    tokens: counter('model_tokens_total', 'Tokens that models have counted; `cached_` is part of `input_`.', [
      'kind',
    ]),
    refusedPeers: counter(
      'refused_peers_total',
      "Requests, sockets and messages of carriers' peers that were refused. Carrier api: sockets that listen to events.",
      ['carrier', 'code'],
    ),
    admissionRefusals: counter(
      'admission_refusals_total',
      'Calls that were not taken: too many, or shutting down.',
      ['code'],
    ),
  };
}

export type CallMetrics = ReturnType<typeof callMetrics>;
