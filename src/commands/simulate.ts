import { readFile } from 'node:fs/promises';
import { type Clock, SystemClock } from '../base/clock.ts';
import { PatchcordError } from '../base/errors.ts';
import {
  type EmulatedSession,
  type OpenAiEmulator,
  startOpenAiEmulator,
} from '../emulators/openai-realtime/server.ts';
import type { SessionRecord } from '../emulators/openai-realtime/session-record.ts';
import { audioFromWav, type CallerAudio, generateSpeech } from '../emulators/phone/caller-audio.ts';
import { type CallSummary, summarize } from './call-summary.ts';
import { listenAt } from './carrier-option.ts';
import type { CommandIo } from './command-io.ts';
import { problemLine } from './problem-line.ts';
import { readSimulateOptions, simulateHelp } from './simulate-options.ts';
import { type Advice, reportOf, tableOf } from './simulate-report.ts';
import type { FakeCall, RunningCarrier, SimulateOptions } from './simulated-call.ts';
import { callerOf } from './simulated-caller.ts';
import { truncationErrorsMs } from './truncation-check.ts';

/** The command `patchcord simulate`: 0 when every call was ok, 1 when not, 2 when it can't begin. */
export async function simulate(
  args: string[],
  io: CommandIo,
  clock: Clock = new SystemClock(),
): Promise<number> {
  let options: SimulateOptions | 'help';
  let voices: readonly CallerAudio[];
  try {
    options = readSimulateOptions(args, io.env);
    if (options === 'help') {
      io.out(simulateHelp);
      return 0;
    }
    voices = await voicesOf(options);
  } catch (error) {
    io.err(problemLine(error));
    io.err('Try: patchcord simulate --help');
    return 2;
  }
  const sessions: SessionRecord[] = [];
  let model: OpenAiEmulator | undefined;
  let carrier: RunningCarrier | undefined;
  try {
    try {
      model = await startModel(options, clock, sessions);
      carrier = await options.carrier.start(options, clock, io.err);
    } catch (error) {
      io.err(problemLine(error));
      return 2;
    }
    const calls = await runCalls(carrier, options, clock, voices, io);
    const report = reportOf(
      calls,
      truncationErrorsMs(
        calls.map(({ clears }) => clears),
        sessions,
      ),
    );
    if (options.json) io.out(JSON.stringify(report));
    else for (const line of tableOf(report, adviceOf(options))) io.out(line);
    return report.calls.failed === 0 && calls.length === options.calls ? 0 : 1;
  } finally {
    await carrier?.close?.();
    await model?.close();
  }
}

function adviceOf({ carrier, url }: SimulateOptions): Advice {
  const { whenRefused, whenUnreachable } = carrier;
  const standard = [
    `nothing listens at ${url}. Is the gateway running (patchcord serve)? It prints the address at which it`,
    'listens; where that is another one, give it with --url.',
  ];
  return { whenRefused, whenUnreachable: whenUnreachable ?? standard };
}

async function voicesOf(options: SimulateOptions): Promise<CallerAudio[]> {
  if (options.wav === undefined)
    return [0, 1, 2, 3].map((voice) => generateSpeech(1200, options.seed + voice));
  const audio = audioFromWav(await readFile(options.wav));
  if (audio.durationMs > 0) return [audio];
  throw new PatchcordError('PATCHCORD_CONFIG_INVALID', '--wav names a file without audio');
}

async function startModel(
  options: SimulateOptions,
  clock: Clock,
  sessions: SessionRecord[],
): Promise<OpenAiEmulator | undefined> {
  const { modelPort: port } = options;
  if (port === undefined) return undefined;
  const onSession = ({ record }: EmulatedSession) => sessions.push(record);
  return listenAt('model-port', port, () =>
    startOpenAiEmulator({ host: '127.0.0.1', port, clock, onSession }),
  );
}

/** Starts the calls at the set rate, never more at once than allowed; resolves with them in that order, when all are over. */
async function runCalls(
  carrier: RunningCarrier,
  options: SimulateOptions,
  clock: Clock,
  voices: readonly CallerAudio[],
  io: CommandIo,
): Promise<CallSummary[]> {
  const live = new Set<FakeCall>();
  const running = new Set<Promise<void>>();
  const summaries = new Map<number, CallSummary>();
  let stopped = false;
  let wake: () => void = () => undefined;
  io.onStop(() => {
    stopped = true;
    for (const call of live) call.hangUp();
    wake();
  });
  const beganAtMs = clock.now();
  for (let index = 0; index < options.calls && !stopped; index++) {
    const dueInMs = beganAtMs + (index * 1000) / options.perSecond - clock.now();
    if (dueInMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, dueInMs);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    while (running.size >= options.concurrency) await Promise.race(running);
    if (stopped) break;
    const call = carrier.newCall(callerOf(options, clock, index, voices));
    live.add(call);
    const done: Promise<void> = call.run().then((record) => {
      summaries.set(index, summarize(record));
      live.delete(call);
      running.delete(done);
    });
    running.add(done);
  }
  await Promise.all(running);
  return [...summaries].sort(([a], [b]) => a - b).map(([, summary]) => summary);
}
