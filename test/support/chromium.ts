import { type Browser, chromium } from 'playwright-core';
import { findProgram } from '../../scripts/system-packages.ts';

/** The browser on this machine, `CHROMIUM_PATH` first; undefined where there is none. */
export const chromiumPath = findProgram('chromium');

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
];

export interface ChromiumOptions {
  /** A 16-bit WAV file, played into the microphone once, from when the page opens it. Without one it beeps each second. */
  readonly microphone?: string;
  /** A name that leads to this machine, though no request that bears it counts as local. */
  readonly hostName?: string;
}

/** A headless Chromium with a profile of its own and a microphone that is allowed. */
export function launchChromium({ microphone, hostName }: ChromiumOptions = {}): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('there is no Chromium on this machine');
  const more: string[] = [];
  if (microphone !== undefined) more.push(`--use-file-for-fake-audio-capture=${microphone}%noloop`);
  if (hostName !== undefined) more.push(`--host-resolver-rules=MAP ${hostName} 127.0.0.1`);
  return chromium.launch({ executablePath: chromiumPath, args: [...args, ...more] });
}
