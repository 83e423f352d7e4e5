/** What the demo voice can say; `scripts/make-demo-voice.ts` makes `assets/demo-voice/<name>.wav` of each. */
export const demoPhrases = {
  greeting:
    'Hello! This is the Patchcord demo voice. Say something, and I will repeat it. To hang up, press pound.',
  'you-said': 'You said:',
  'you-pressed': 'You pressed',
  'still-there': 'Are you still there? Say something, and I will repeat it.',
  goodbye: 'Thank you for calling. Goodbye!',
  'key-0': 'zero',
  'key-1': 'one',
  'key-2': 'two',
  'key-3': 'three',
  'key-4': 'four',
  'key-5': 'five',
  'key-6': 'six',
  'key-7': 'seven',
  'key-8': 'eight',
  'key-9': 'nine',
  'key-star': 'star',
  'key-pound': 'pound',
} as const;

export type DemoPhrase = keyof typeof demoPhrases;
