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

/**
 * A headless Chromium with a profile of its own and a microphone that is allowed.
 * @param microphone a 16-bit WAV file that is played into it once, from the moment the page opens it; without one it
 *   beeps once a second.
 */
export function launchChromium(microphone?: string): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('there is no Chromium on this machine');
  const speech = microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphone}%noloop`];
  return chromium.launch({ executablePath: chromiumPath, args: [...args, ...speech] });
}
