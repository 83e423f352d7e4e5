import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../src/gateway.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { startConsole } from './start-console.ts';

const key = 'the-key-of-this-test';
const hostName = 'gateway.test';

if (chromiumPath === undefined) console.warn('the key of the console is skipped: chromium not found');

describe.skipIf(chromiumPath === undefined)('the console from another machine', () => {
  let gateway: Gateway;
  let browser: Browser;
  let page: Page;
  let address: string;

  beforeAll(async () => {
    gateway = await startConsole({ PATCHCORD_API_KEYS: key });
    browser = await launchChromium({ hostName });
    page = await browser.newPage();
    address = `http://${hostName}:${new URL(gateway.url).port}/`;
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  it('asks for a key, and says so when the one in the address is wrong', async () => {
    await page.goto(address);
    await page.getByRole('heading', { name: 'This console needs a key' }).waitFor();
    expect(await page.getByText('not accepted').count()).toBe(0);

    const reply = await page.goto(`${address}?key=wrong`);
    expect(reply?.status()).toBe(401);
    await page.getByText('The key in the address was not accepted.').waitFor();
    expect(page.url()).toBe(address);
  });

  it('tells a program in its own language', async () => {
    const reply = await fetch(`${gateway.url}/?key=wrong`);
    expect(reply.status).toBe(401);
    expect(await reply.json()).toMatchObject({ code: 'PATCHCORD_UNAUTHORIZED' });
  });

  it('opens with a key that is typed in, and stays open', async () => {
    await page.getByLabel('API key').fill(key);
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByText('Taking calls').waitFor();
    await page.reload();
    await page.getByText('Taking calls').waitFor();
  });

  it('opens with the address that the gateway prints, and takes the key out of it', async () => {
    const visitor = await browser.newContext();
    const opened = await visitor.newPage();
    await opened.goto(`${address}?key=${key}`);
    await opened.getByText('Taking calls').waitFor();
    expect(opened.url()).toBe(address);
  });
});
