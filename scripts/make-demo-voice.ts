// Makes the spoken phrases under assets/: needs the programs espeak-ng and sox. See docs/demo-voice.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoPhrases } from '../src/emulators/openai-realtime/behaviours/demo-phrases.ts';

/** What the gateway itself says when no model can. */
const gatewayPhrases = {
  apology: "I'm sorry, something went wrong on our side. Please call again later. Goodbye.",
  busy: 'All our lines are busy at the moment. Please call again in a few minutes. Goodbye.',
  draining: 'We have to end this call for maintenance now. Please call again in a moment. Goodbye.',
} as const;

const voice = 'en-us+f3';
const wordsPerMinute = '152';
const sampleRate = '16000';

/** One sentence of level -3 dBFS peak, with the synthesiser's harsh edge and its surrounding silence taken off. */
function speak(text: string, path: string, scratch: string): void {
  const raw = join(scratch, 'raw.wav');
  execFileSync('espeak-ng', ['-v', voice, '-s', wordsPerMinute, '-p', '45', '-w', raw, text]);
  const trimStart = ['silence', '1', '0.01', '0.5%'];
  const effects = [
    ['highpass', '90'],
    ['lowpass', '5200'],
    ['treble', '-3', '3500'],
    ['bass', '+2', '220'],
    ['compand', '0.01,0.15', '6:-60,-60,-24,-18,0,-8', '-4', '-60', '0.05'],
    [...trimStart, 'fade', 'q', '0.008', 'reverse', ...trimStart, 'fade', 'q', '0.02', 'reverse'],
    ['norm', '-3'],
    ['pad', '0', '0.04'],
  ];
  execFileSync('sox', ['-R', raw, '-r', sampleRate, '-b', '16', '-c', '1', path, ...effects.flat()]);
}

function speakAll(phrases: Readonly<Record<string, string>>, folder: string, scratch: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(phrases)) speak(text, join(folder, `${name}.wav`), scratch);
}

const assets = join(import.meta.dirname, '..', 'assets');
const scratch = mkdtempSync(join(tmpdir(), 'demo-voice-'));
try {
  speakAll(demoPhrases, join(assets, 'demo-voice'), scratch);
  speakAll(gatewayPhrases, join(assets, 'phrases'), scratch);
} finally {
  rmSync(scratch, { recursive: true });
}
