import { describe, expect, it } from 'vitest';
import { readTwiml } from '../../src/emulators/twilio/twiml.ts';
import { twilioDriver } from '../contract/drivers/twilio.ts';
import { says } from '../contract/sounds.ts';
import { agentFirst, hangUp, speak } from './habits.ts';
import { mediaRows, nothingPrepared, turnsAway } from './media-rows.ts';
import { dialled, onTwilioStage } from './twilio-stage.ts';

/** The rows of seed 003 (Twilio) in the merged drop-in contract, over the whole gateway: what Twilio itself finds. */

const voicePaths = ['/incoming-call', '/inbound-call', '/outbound-call'];

mediaRows({
  rows: { stream: '003 WS /media-stream', bargeIn: '003 barge-in' },
  says: { audio: 'media', mark: 'mark', clear: 'clear' },
  hungUp: { status: 'completed' },
  on: (options, play) => onTwilioStage(options, ({ stage, call }) => play(stage, call)),
});

describe.concurrent('Twilio finds what it had', () => {
  it('003 ALL /incoming-call, /outbound-call, /inbound-call: TwiML as text/xml, by POST and by GET', async () => {
    await onTwilioStage({}, async ({ webhook }) => {
      for (const path of voicePaths) {
        for (const method of ['POST', 'GET'] as const) {
          const answer = await webhook(path, { method });
          expect([path, method, answer.status]).toEqual([path, method, 200]);
          expect(answer.contentType).toMatch(/^text\/xml\b/);
          const [connect, ...more] = readTwiml(answer.body);
          expect(connect).toMatchObject({
            verb: 'connect',
            url: 'wss://gw.example.com/media-stream',
            parameters: { token: expect.stringMatching(/^[\w-]{32,}$/) },
          });
          expect(more).toEqual([{ verb: 'hangup' }]);
        }
      }
    });
  });

  it('003 ALL /incoming-call: the host is the configured one, and nothing of the request gets into the XML', async () => {
    const fields = { From: '"/><Say>free</Say>', CallerName: "<Dial>+19005550100</Dial>&'" };
    await onTwilioStage({}, async ({ webhook }) => {
      const query = '?greeting=%3C%2FResponse%3E';
      const answer = await webhook(`/incoming-call${query}`, { fields, hostHeader: 'evil.example.net' });
      expect(answer.status).toBe(200);
      expect(answer.body).not.toMatch(/evil|Say|Dial|greeting/);
      expect(readTwiml(answer.body)).toMatchObject([
        { verb: 'connect', url: 'wss://gw.example.com/media-stream' },
        { verb: 'hangup' },
      ]);
    });
  });

  it.each(voicePaths)('003 ALL %s: whoever forges is told 403, and no call is made', async (path) => {
    await onTwilioStage({}, async ({ stage, ask }) => {
      const form = 'CallSid=CA1&CallStatus=ringing&From=%2B15550001111';
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      for (const signature of ['', 'AAAA', 'rM6CSC9S4mGzSfwzr6cnTJoRWKE=']) {
        const forged = await ask('POST', path, form, { ...headers, 'x-twilio-signature': signature });
        expect(forged.status).toBe(403);
      }
      expect((await ask('GET', `${path}?${form}`)).status).toBe(403);
      expect(stage.eventsOf('call.started')).toEqual([]);
    });
  });

  it('003 status callbacks: 200 by POST and by GET, and what they tell of a call counts', async () => {
    await onTwilioStage({}, async ({ stage, webhook }) => {
      for (const path of ['/twilio-status-callback', '/status-callback']) {
        await webhook('/incoming-call');
        expect(stage.liveCalls).toBe(1);
        for (const method of ['POST', 'GET'] as const) {
          for (const CallStatus of ['in-progress', 'completed']) {
            const fields = { CallStatus, RecordingUrl: 'https://api.example.com/recording' };
            const { status } = await webhook(path, { method, fields });
            expect([path, method, status]).toEqual([path, method, 200]);
          }
        }
        expect(stage.liveCalls).toBe(0);
      }
    });
  });

  it('003 status callbacks: a call that somebody dialled through Twilio himself is taken and reported', async () => {
    const script = [says({ ms: 150, seed: 1 })];
    await onTwilioStage({ env: agentFirst, script }, async ({ stage, call }) => {
      const record = await call({
        webhook: '/outbound-call',
        direction: 'outbound-api',
        statusCallback: '/twilio-status-callback',
        steps: [hangUp],
      }).run();
      expect(record).toMatchObject({ failure: undefined, notices: [], status: 'completed' });
      expect(record.stream).toMatchObject({ violations: [], playedMs: 150 });
      expect(stage.eventsOf('call.started')).toMatchObject([{ call: { direction: 'outbound' } }]);
    });
  });

  it('003 WS /media-stream: only a signed upgrade with the token of the call gets in', async () => {
    await onTwilioStage({}, async ({ stage }) => {
      const strangers = twilioDriver.intruders.filter(({ name }) => name.startsWith('a stream'));
      expect(strangers.length).toBeGreaterThanOrEqual(6);
      await turnsAway(stage, strangers, nothingPrepared);
    });
  });

  it('003 barge-in: nothing is cleared or cut when the agent had been heard to its end', async () => {
    const script = [says({ ms: 150, seed: 7 }), says({ ms: 150, seed: 8 })];
    await onTwilioStage({ env: agentFirst, script }, async ({ stage, call }) => {
      const record = await call({ steps: [{ ...speak, after: 'agent-finished' }, hangUp] }).run();
      expect(record.stream).toMatchObject({ violations: [], clears: [], playedMs: 300 });
      expect(stage.tap.session(0).askedFor('conversation.item.truncate')).toEqual([]);
    });
  });

  it('003 hangup tool: the phone call ends, after the goodbye was played', async () => {
    const goodbye = says({ ms: 600, seed: 9, words: 'Goodbye then' }, { tool: 'end_call', callId: 'call_e' });
    await onTwilioStage({ env: agentFirst, script: [goodbye] }, async (it) => {
      const call = await dialled(it);
      const record = await call.ended;
      expect(record).toMatchObject({ failure: undefined, status: 'completed' });
      expect(record?.stream).toMatchObject({ violations: [], playedMs: 600, clears: [] });
      expect(call.status).toBe('completed');
      expect(call.callbackFailures).toEqual([]);
      expect((await it.stage.event('call.ended')).reason).toBe('agent-hung-up');
    });
  });
});
