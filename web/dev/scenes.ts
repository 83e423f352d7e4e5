import type { CarrierStatus } from '../../src/api/contract.ts';
import type { CallSnapshot } from '../../src/call/events.ts';
import type { Turn } from '../../src/call/turn.ts';

/** What the replay server tells: conversations as the engine would report them. */
export interface Line {
  readonly role: 'caller' | 'agent';
  readonly text: string;
  /** An agent's line: the caller speaks into it after this much of it. */
  readonly cutAfterMs?: number;
  /** Silence before the line. */
  readonly pauseMs: number;
}

export const ownScene: readonly Line[] = [
  { role: 'agent', text: 'Hello, this is the demo voice. Say something and I will repeat it.', pauseMs: 300 },
  { role: 'caller', text: 'Can you book a table for four tonight?', pauseMs: 700 },
  {
    role: 'agent',
    text: 'You said: can you book a table for four tonight? I can also tell you about the weather, the opening hours and how to find us.',
    cutAfterMs: 3300,
    pauseMs: 420,
  },
  { role: 'caller', text: 'No, wait, make that six people.', pauseMs: 0 },
  { role: 'agent', text: 'You said: no, wait, make that six people.', pauseMs: 380 },
];

export const otherScenes: readonly {
  readonly call: Partial<CallSnapshot>;
  readonly turns: readonly Turn[];
}[] = [
  {
    call: { carrier: 'twilio', direction: 'inbound', from: '+1 415 555 0132', to: '+1 415 555 0100' },
    turns: [
      turn(1, 'agent', 'Good afternoon, you have reached the front desk. How can I help?', 400, 3100),
      turn(2, 'caller', 'Hi, I have a reservation for Friday and need to change it.', 4300, 0),
      {
        ...turn(
          3,
          'agent',
          'Of course. Could you tell me the name and the date? You will find both in your confirmation.',
          8100,
          5200,
        ),
        heardText: 'Of course. Could you tell me the name and the date?',
        heardMs: 2660,
        cut: 'caller-spoke',
      },
      turn(4, 'caller', 'It is under Rivera, for two nights.', 10_900, 0),
    ],
  },
  {
    call: {
      carrier: 'twilio',
      direction: 'outbound',
      from: '+1 415 555 0100',
      to: '+44 20 7946 0018',
      state: 'ringing',
    },
    turns: [],
  },
  { call: { carrier: 'telnyx', direction: 'outbound', to: '+1 312 555 0199' }, turns: [] },
  { call: { carrier: 'plivo', from: '+91 22 5550 0147' }, turns: [] },
  { call: { carrier: 'genesys', from: '+1 646 555 0121', modelState: 'resuming' }, turns: [] },
  { call: { carrier: 'avr', from: '2000', to: '5001' }, turns: [] },
  { call: { carrier: 'audiosocket' }, turns: [] },
  { call: { carrier: 'asterisk', from: '1001', to: '602' }, turns: [] },
];

/** What the gateway has to dial with: nothing, or two carriers of three. */
export function carriers(bare: boolean): CarrierStatus[] {
  const able = (name: string, missing: readonly string[]): CarrierStatus => ({
    name,
    takesCalls: !bare && missing.length === 0,
    missingForCalls: [],
    canDial: missing.length === 0,
    missing,
  });
  const allow = 'PATCHCORD_DIAL_ALLOW';
  return [
    able('twilio', bare ? ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_PHONE_NUMBER', allow] : []),
    able('telnyx', bare ? ['TELNYX_FROM_NUMBER', 'TELNYX_CALL_CONTROL_APP_ID', allow] : []),
    able('plivo', ['PLIVO_AUTH_ID', 'PLIVO_AUTH_TOKEN', 'PLIVO_PHONE_NUMBER', ...(bare ? [allow] : [])]),
    ...['genesys', 'avr', 'audiosocket', 'asterisk', 'softphone'].map((name) => ({
      name,
      takesCalls: name === 'avr' || name === 'softphone',
      missingForCalls: [],
      canDial: false,
      missing: [],
    })),
  ];
}

export function turn(
  turnId: number,
  role: 'caller' | 'agent',
  text: string,
  startedAtMs: number,
  generatedMs: number,
): Turn {
  return { turnId, role, startedAtMs, text, heardText: text, heardMs: generatedMs, generatedMs, ended: true };
}

export function snapshot(fields: Partial<CallSnapshot> & { readonly callId: string }): CallSnapshot {
  return {
    carrier: 'softphone',
    carrierCallId: fields.callId,
    direction: 'inbound',
    agent: 'default',
    model: 'demo voice',
    state: 'live',
    modelState: 'ready',
    startedAtEpochMs: Date.now(),
    liveMs: 0,
    turns: [],
    usage: {
      inputTextTokens: 0,
      inputAudioTokens: 0,
      cachedTextTokens: 0,
      cachedAudioTokens: 0,
      outputTextTokens: 0,
      outputAudioTokens: 0,
    },
    stats: { bargeIns: 0, underruns: 0, lostCallerAudioMs: 0, paddedCallerAudioMs: 0, modelErrors: 0 },
    ...fields,
  };
}

/** How long it takes to say a text. */
export function spokenMs(text: string): number {
  return text.length * 62;
}

/** Something that moves like speech, pcm16 at 24 kHz: a hum in syllables. */
export function hum(durationMs: number): Buffer {
  const samples = Math.round(durationMs * 24);
  const bytes = Buffer.alloc(samples * 2);
  for (let i = 0; i < samples; i++) {
    const seconds = i / 24_000;
    const syllable = Math.max(
      0,
      Math.sin(2 * Math.PI * 4.1 * seconds) * (0.6 + 0.4 * Math.sin(2 * Math.PI * 0.7 * seconds)),
    );
    const pitch = 2 * Math.PI * 165 * seconds + 2 * Math.sin(2 * Math.PI * 2.3 * seconds);
    const voice = Math.sin(pitch) + 0.5 * Math.sin(2 * pitch) + 0.25 * Math.sin(5 * pitch);
    bytes.writeInt16LE(Math.round(5200 * syllable * voice), i * 2);
  }
  return bytes;
}
