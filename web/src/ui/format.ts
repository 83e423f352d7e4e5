import { useEffect, useState } from 'preact/hooks';
import type { CallSnapshot } from '../../../src/call/events.ts';

/** `m:ss`, or `h:mm:ss` from an hour on. */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = String(s).padStart(2, '0');
  return h === 0 ? `${m}:${tail}` : `${h}:${String(m).padStart(2, '0')}:${tail}`;
}

const carrierNames: Readonly<Record<string, string>> = {
  softphone: 'Browser',
  twilio: 'Twilio',
  telnyx: 'Telnyx',
  plivo: 'Plivo',
  genesys: 'Genesys',
  avr: 'AVR',
  audiosocket: 'AudioSocket',
  asterisk: 'Asterisk',
};

export function carrierName(carrier: string): string {
  return carrierNames[carrier] ?? carrier;
}

/** Who is at the other end, in as few words as possible. */
export function callTitle(call: CallSnapshot, ownCallId?: string): string {
  if (call.callId === ownCallId) return 'This page';
  const number = call.direction === 'inbound' ? call.from : call.to;
  return number ?? (call.carrier === 'softphone' ? 'Browser phone' : 'Unknown number');
}

const reasons: Readonly<Record<string, string>> = {
  'caller-hung-up': 'The caller hung up',
  'agent-hung-up': 'The agent hung up',
  transferred: 'Transferred',
  'no-input': 'Nobody spoke',
  'max-duration': 'The longest call time was reached',
  operator: 'Hung up from the console',
  'model-failed': 'The speech model failed',
  'answer-timeout': 'No media arrived in time',
  busy: 'The line was busy',
  'not-answered': 'Not answered',
  'carrier-failed': 'The carrier failed',
  'carrier-lost': 'The connection to the carrier was lost',
  'media-lost': 'The audio from the caller was lost',
  drain: 'The gateway was shut down',
  'internal-error': 'Something failed inside the gateway',
};

export function reasonText(reason: string): string {
  return reasons[reason] ?? reason;
}

/** Milliseconds since the epoch, so that what depends on time moves; stands still while `running` is false. */
export function useNow(running: boolean, everyMs = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [running, everyMs]);
  return now;
}
