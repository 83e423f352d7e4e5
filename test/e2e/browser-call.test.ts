import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../scripts/system-packages.ts';
import { demoPhrases } from '../../src/emulators/openai-realtime/behaviours/demo-phrases.ts';
import { PageCall, soundedMs } from './page-call.ts';

const missing = ['chromium', 'espeak-ng'].filter((name) => findProgram(name) === undefined);
if (missing.length > 0)
  console.warn(`the call in a real browser is skipped: ${missing.join(' and ')} not found`);

/** The picture of docs/console.md is made by this test: `CONSOLE_IMAGE=docs/images/console.png npx vitest run test/e2e`. */
const image = process.env.CONSOLE_IMAGE;

describe.skipIf(missing.length > 0)('a call from the console in a real browser', () => {
  let call: PageCall;
  const agentTurns = (): Locator =>
    call.page
      .getByRole('region', { name: 'Conversation' })
      .getByRole('listitem')
      .filter({ hasText: 'Agent' });

  beforeAll(async () => {
    call = await PageCall.open('I would like to speak with a person, please.');
  });

  afterAll(() => call?.close());

  it('lets the demo voice be heard when the button is pressed', async () => {
    const { page, watch, soundings } = call;
    await page.getByText('Taking calls').waitFor();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await watch.until('sound at the loudspeaker', () => call.sounds);
    await watch.until('a voice', () => (soundings[0]?.loudestDbfs ?? -100) > -30);
    await agentTurns().first().getByText(demoPhrases.greeting.slice(0, 20)).waitFor();
  });

  it('is silent when the caller speaks, and strikes out what the caller did not hear', async () => {
    const { watch, soundings } = call;
    await watch.until('the barge-in', () => call.event('barge-in') !== undefined);
    await watch.until('silence', () => !call.sounds || soundings.length > 1);
    const greetedMs = soundedMs(soundings[0]);
    expect(greetedMs).toBeGreaterThan(1500);
    expect(greetedMs).toBeLessThan(6000);
    // What the gateway takes for heard is what came out of the loudspeaker.
    expect(Math.abs(greetedMs - (call.event('barge-in')?.items[0]?.heardMs ?? 0))).toBeLessThan(400);

    const turn = agentTurns().first();
    const struck = (await turn.getByRole('deletion').innerText()).trim();
    expect(struck.length).toBeGreaterThan(10);
    expect(demoPhrases.greeting.endsWith(struck)).toBe(true);
    expect(demoPhrases.greeting).not.toBe(struck);
    await turn.getByText('The caller spoke').waitFor();
  });

  it('plays the words of the caller back, and darkens its own as they are heard', async () => {
    const { watch, soundings } = call;
    const before = soundings.length;
    const turn = agentTurns().nth(1);
    await turn.getByText(demoPhrases['you-said']).waitFor();
    await watch.until('the answer to be heard', () => soundings.length > before || call.sounds);
    await watch.until('more than its first words', () => soundedMs(soundings.at(-1)) > 1400);
    expect(soundings.at(-1)?.loudestDbfs).toBeGreaterThan(-30);
    expect((await turn.locator('.coming').allInnerTexts()).join('')).not.toContain(demoPhrases['you-said']);
    const path = join(call.folder, 'console.png');
    await call.page.screenshot({ path });
    console.info(`picture of the console: ${path}`);
    if (image !== undefined) await copyFile(path, image);
    await watch.until('the whole answer', () => !call.sounds);
    // "You said:" and a sentence of more than two seconds.
    expect(soundedMs(soundings.at(-1))).toBeGreaterThan(2500);
  });

  it('says goodbye and hangs up when # is pressed', async () => {
    const { page, watch, soundings } = call;
    const before = soundings.length;
    await page.getByRole('button', { name: 'Keypad' }).click();
    await page.getByRole('button', { name: '#', exact: true }).click();
    await watch.until('the goodbye to be heard', () => soundings.length > before);
    await page.getByText('Call ended. The agent hung up.').waitFor();
    expect(soundedMs(soundings.at(-1))).toBeGreaterThan(1200);
    const last = agentTurns().last();
    await last.getByText(demoPhrases.goodbye).waitFor();
    expect(await last.getByRole('deletion').count()).toBe(0);
    expect(call.event('call.ended')?.reason).toBe('agent-hung-up');
    await page.getByRole('button', { name: 'Call', exact: true }).waitFor();
  });

  it('gives the browser nothing to complain about', () => {
    expect(call.problems).toEqual([]);
  });
});
