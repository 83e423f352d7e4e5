import { describe, expect, it } from 'vitest';
import { ClientEnvelope, callerOffer, openParameters } from './client-envelope.ts';

describe("Genesys's envelope", () => {
  it('counts its own messages from 1 and names the last one received', () => {
    const envelope = new ClientEnvelope('session');
    expect(JSON.parse(envelope.message('open', { a: 1 }, 0))).toEqual({
      version: '2',
      type: 'open',
      seq: 1,
      serverseq: 0,
      id: 'session',
      position: 'PT0S',
      parameters: { a: 1 },
    });
    envelope.serverseq = 4;
    expect(JSON.parse(envelope.message('ping', {}, 1600))).toMatchObject({
      seq: 2,
      serverseq: 4,
      position: 'PT1.6S',
      parameters: {},
    });
  });

  it('opens with who calls, what is offered and the variables of the flow', () => {
    const details = {
      organizationId: 'org',
      conversationId: 'conversation',
      participantId: 'participant',
      ani: '+15550001111',
      aniName: 'Caller',
      dnis: '+15550002222',
      media: [callerOffer],
    };
    expect(openParameters(details)).toEqual({
      organizationId: 'org',
      conversationId: 'conversation',
      participant: { id: 'participant', ani: '+15550001111', aniName: 'Caller', dnis: '+15550002222' },
      media: [{ type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 }],
    });
    expect(openParameters({ ...details, language: 'en-US', inputVariables: { A: 'b' } })).toMatchObject({
      language: 'en-US',
      inputVariables: { A: 'b' },
    });
  });
});
