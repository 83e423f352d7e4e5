import { setTimeout as sleep } from 'node:timers/promises';
import type { CarrierName } from './carrier-names.ts';
import { carriers } from './carriers.ts';
import { type Conversation, truncationConversations, typicalConversation } from './conversation.ts';
import { Samples, type Summary } from './figures.ts';
import { Load } from './load.ts';
import type { Bench } from './measure.ts';
import type { Subject } from './subjects.ts';

export interface TruncationFigures {
  readonly scenario: string;
  /** What the model was told minus what the carrier played; negative: the model believes too little. */
  readonly errorMs: Summary;
  readonly magnitudeMs: Summary;
}

/** Calls that are interrupted, and the name under which their cuts are counted. */
interface Scenario {
  readonly name: string;
  readonly calls: ReadonlyArray<{ readonly conversation: Conversation; readonly carrier?: CarrierName }>;
}

/** Twilio's calls in all kinds of conversation, each kind on calls of its own, and all cuts together. */
export async function measureTruncation(
  bench: Bench,
  subject: Subject,
  options: { callsPerScenario: number; seconds: number },
): Promise<TruncationFigures[]> {
  const scenarios = truncationConversations.map((conversation) => ({
    name: conversation.name,
    calls: Array.from({ length: options.callsPerScenario }, () => ({ conversation })),
  }));
  const samples = await cutScenarios(bench, subject, scenarios, options.seconds);
  const all = new Samples();
  for (const each of samples.values()) all.addAll(each);
  return [
    ...[...samples].map(([name, each]) => truncationFigures(name, each)),
    truncationFigures('all', all),
  ];
}

/** The calls of all these carriers at once, each carrier's in all kinds of conversation by turns. */
export async function measureCarrierTruncation(
  bench: Bench,
  subject: Subject,
  names: readonly CarrierName[],
  options: { callsPerCarrier: number; seconds: number },
): Promise<Map<CarrierName, TruncationFigures>> {
  const conversations = truncationConversations;
  const scenarios = names.map((carrier) => ({
    name: carrier,
    calls: Array.from({ length: options.callsPerCarrier }, (_, index) => ({
      conversation: conversations[index % conversations.length] ?? typicalConversation,
      carrier,
    })),
  }));
  const samples = await cutScenarios(bench, subject, scenarios, options.seconds);
  return new Map(
    names.map((name) => [name, truncationFigures(carriers[name].title, samples.get(name) ?? new Samples())]),
  );
}

/** All scenarios at once, each on calls of its own, lightly loaded. */
async function cutScenarios(
  bench: Bench,
  subject: Subject,
  scenarios: readonly Scenario[],
  seconds: number,
): Promise<Map<string, Samples>> {
  const what = scenarios.map(({ name }) => name).join(', ');
  bench.note(`truncation: ${subject.name}: ${what}`);
  const load = await Load.start(subject, { core: bench.subjectCore });
  try {
    for (const { name, calls } of scenarios) {
      for (const { conversation, carrier } of calls) await load.add(1, { ...conversation, name }, carrier);
    }
    await sleep(seconds * 1000);
  } finally {
    await load.stop();
  }
  bench.faults.take(`${subject.name}, truncation`, load.meter, subject.bargesIn);
  const { disturbedCuts } = load.meter;
  if (disturbedCuts > 0) {
    bench.note(`truncation: ${disturbedCuts} cuts are left out, since the generator was held up meanwhile`);
  }
  return new Map(scenarios.map(({ name }) => [name, load.meter.truncationMs.get(name) ?? new Samples()]));
}

function truncationFigures(scenario: string, samples: Samples): TruncationFigures {
  return { scenario, errorMs: samples.summary(), magnitudeMs: samples.magnitudes().summary() };
}
