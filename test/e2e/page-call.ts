import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { readWav, writeWav } from '../../src/audio/wav.ts';
import type { CallEvent } from '../../src/call/events.ts';
import type { Gateway } from '../../src/gateway.ts';
import { Watch } from '../contract/watch.ts';
import { launchChromium } from '../support/chromium.ts';
import { startConsole } from './start-console.ts';

const root = join(import.meta.dirname, '../..');
/** Between the page opening the microphone and the greeting being heard there is less than half a second. */
const silenceBeforeMs = 3_000;

/** Sound at the page's loudspeaker, between two silences; `performance.now()` of this process. */
export interface Sounding {
  readonly fromMs: number;
  /** The last time it was above the level of sound. */
  untilMs: number;
  loudestDbfs: number;
}

export function soundedMs(sounding: Sounding | undefined): number {
  return sounding === undefined ? 0 : sounding.untilMs - sounding.fromMs;
}

/** Louder than this is a voice; the demo voice speaks at about -20. */
const soundDbfs = -45;
/** Silence this long ends a sounding: pauses between words are shorter. */
const pauseMs = 600;

/** A gateway with the demo voice, and its console open in a browser whose microphone says one sentence. */
export class PageCall {
  readonly page: Page;
  readonly watch = new Watch();
  readonly events: CallEvent[] = [];
  readonly soundings: Sounding[] = [];
  /** What the browser had to complain about: errors, and what its content policy forbade. */
  readonly problems: string[] = [];
  /** For files that are kept after the test. */
  readonly folder: string;
  readonly #gateway: Gateway;
  readonly #browser: Browser;
  readonly #speech: string;
  #levelAtMs = 0;

  private constructor(gateway: Gateway, browser: Browser, page: Page, folder: string, speech: string) {
    this.#gateway = gateway;
    this.#browser = browser;
    this.page = page;
    this.folder = folder;
    this.#speech = speech;
  }

  static async open(sentence: string): Promise<PageCall> {
    const folder = await mkdtemp(join(tmpdir(), 'patchcord-page-call-'));
    const speech = await speechFile(folder, sentence);
    const gateway = await startConsole();
    const browser = await launchChromium({ microphone: speech });
    const page = await browser.newPage({
      permissions: ['microphone'],
      viewport: { width: 1440, height: 900 },
      colorScheme: 'light',
    });
    const call = new PageCall(gateway, browser, page, folder, speech);
    await call.#listen();
    await page.goto(gateway.url);
    return call;
  }

  /** Sound goes on at the page's loudspeaker right now. */
  get sounds(): boolean {
    const last = this.soundings.at(-1);
    return last !== undefined && this.#levelAtMs - last.untilMs < pauseMs;
  }

  event<T extends CallEvent['type']>(type: T): Extract<CallEvent, { type: T }> | undefined {
    return this.events.find((event): event is Extract<CallEvent, { type: T }> => event.type === type);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#gateway.close();
    await rm(this.#speech);
  }

  async #listen(): Promise<void> {
    const { page, problems } = this;
    this.#gateway.switchboard.directory.observe((event) => {
      this.events.push(event);
      this.watch.changed();
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    await page.exposeFunction('tellLevel', (dbfs: number) => this.#level(dbfs));
    await page.addInitScript({ path: join(root, 'test/support/page-ear.js') });
  }

  #level(dbfs: number): void {
    const wasSounding = this.sounds;
    this.#levelAtMs = performance.now();
    if (dbfs > soundDbfs) {
      const last = this.soundings.at(-1);
      if (last !== undefined && wasSounding) {
        last.untilMs = this.#levelAtMs;
        last.loudestDbfs = Math.max(last.loudestDbfs, dbfs);
      } else this.soundings.push({ fromMs: this.#levelAtMs, untilMs: this.#levelAtMs, loudestDbfs: dbfs });
    }
    this.watch.changed();
  }
}

/** Silence, the sentence in a synthetic voice, and silence again, as the file of a microphone. */
async function speechFile(folder: string, sentence: string): Promise<string> {
  const spoken = join(folder, 'spoken.wav');
  await promisify(execFile)('espeak-ng', ['-w', spoken, sentence]);
  const { sampleRate, channels } = readWav(await readFile(spoken));
  await rm(spoken);
  const silence = new Int16Array((silenceBeforeMs * sampleRate) / 1000);
  const words = channels[0] ?? new Int16Array(0);
  const samples = Int16Array.from([...silence, ...words, ...silence]);
  const path = join(folder, 'microphone.wav');
  await writeFile(path, writeWav({ sampleRate, channels: [samples] }));
  return path;
}
