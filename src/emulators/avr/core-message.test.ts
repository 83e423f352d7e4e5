import { describe, expect, it } from 'vitest';
import { audioMessage, connectorUrl, digitMessage, initMessage, resetMessage } from './core-message.ts';

describe('what the fake avr-core says', () => {
  it('is what AVR documents', () => {
    expect(JSON.parse(initMessage('u1'))).toEqual({ type: 'init', uuid: 'u1' });
    expect(JSON.parse(initMessage('u1', { a: 1 }))).toEqual({
      type: 'init',
      uuid: 'u1',
      provider_config: { a: 1 },
    });
    expect(JSON.parse(audioMessage('AAAA'))).toEqual({ type: 'audio', audio: 'AAAA' });
    expect(JSON.parse(digitMessage('#'))).toEqual({ type: 'dtmf_digit', digit: '#' });
    expect(JSON.parse(resetMessage)).toEqual({ type: 'reset' });
  });

  it('connects without a path, with what the dialplan told it in the query', () => {
    expect(connectorUrl('ws://127.0.0.1:6030')).toBe('ws://127.0.0.1:6030/');
    expect(connectorUrl('ws://127.0.0.1:6030', { from: '2000', channel: 'PJSIP/2000-1' })).toBe(
      'ws://127.0.0.1:6030/?from=2000&channel=PJSIP%2F2000-1',
    );
  });
});
