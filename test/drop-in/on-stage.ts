import { expect } from 'vitest';
import { Stage, type StageOptions } from '../contract/stage.ts';

/** Plays a scene on a gateway of its own; the model was never asked for anything that it refused. */
export async function onStage(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await Stage.set(options);
  try {
    await play(stage);
    expect(stage.rejections()).toEqual([]);
  } finally {
    await stage.close();
  }
}

/** The instructions that the model was told last, in this session of its. */
export function instructionsOf(stage: Stage, session = 0): string {
  const updates = stage.tap.session(session).askedFor('session.update');
  const told = updates.map((update) => (update.session as { instructions?: string }).instructions);
  return told.findLast((text) => text !== undefined) ?? '';
}

/** The settings with which the session began. */
export function sessionOf(stage: Stage, session = 0): Readonly<Record<string, unknown>> {
  const [update] = stage.tap.session(session).askedFor('session.update');
  return (update?.session ?? {}) as Readonly<Record<string, unknown>>;
}
