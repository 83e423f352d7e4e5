import { generateSpeech } from '../../src/emulators/phone/caller-audio.ts';

/** What agents and callers of these tests do, unless a test is about something else. */

export const agentFirst = { PATCHCORD_FIRST_SPEAKER: 'agent', PATCHCORD_GREETING: 'Good evening' };
export const speak = { do: 'speak', audio: generateSpeech(400) } as const;
export const hangUp = { do: 'hangup', after: 'agent-finished' } as const;
