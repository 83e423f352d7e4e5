import { describe, expect, it } from 'vitest';
import { pcmu8k } from '../../src/audio/format.ts';
import { readPlivoXml } from '../../src/emulators/plivo/plivo-xml.ts';
import { readTwiml } from '../../src/emulators/twilio/twiml.ts';
import { plivoDriver } from '../contract/drivers/plivo.ts';
import {
  formOf as twilioForm,
  signature as twilioSignature,
  authToken as twilioToken,
} from '../contract/drivers/twilio-call.ts';
import { says } from '../contract/sounds.ts';
import { publicUrl } from '../contract/stage.ts';
import { fromNumber, to } from './account-stage.ts';
import { fromElsewhere } from './ask.ts';
import { agentFirst, hangUp, speak } from './habits.ts';
import { listenToLog } from './log-listener.ts';
import { mediaRows, nothingPrepared, turnsAway } from './media-rows.ts';
import { instructionsOf, sessionOf } from './on-stage.ts';
import { onPlivoStage } from './plivo-stage.ts';

/** The rows of seed 003 (Plivo) in the merged drop-in contract, over the whole gateway. */

const voicePaths = ['/incoming-call', '/inbound-call', '/outbound-call'];

mediaRows({
  rows: { stream: '003 WS /media-stream', bargeIn: '003 barge-in' },
  says: { audio: 'playAudio', mark: 'checkpoint', clear: 'clearAudio' },
  hungUp: { status: 'completed' },
  on: (options, play) =>
    onPlivoStage(options, ({ stage, plivo }) => play(stage, (caller) => plivo.newCall(caller))),
});

describe.concurrent('Plivo finds what it had', () => {
  it('003 ALL /incoming-call, /outbound-call, /inbound-call: Plivo XML as text/xml, by POST and by GET', async () => {
    await onPlivoStage({}, async ({ webhook }) => {
      for (const path of voicePaths) {
        for (const method of ['POST', 'GET'] as const) {
          const answer = await webhook(path, { method });
          expect([path, method, answer.status]).toEqual([path, method, 200]);
          expect(answer.contentType).toMatch(/^text\/xml\b/);
          expect(answer.body).toContain('contentType="audio/x-mulaw;rate=8000"');
          const [stream, ...more] = readPlivoXml(answer.body);
          expect(stream).toMatchObject({
            verb: 'stream',
            url: expect.stringMatching(/^wss:\/\/gw\.example\.com\/media-stream\b/),
            bidirectional: true,
            keepCallAlive: true,
            format: pcmu8k,
            statusCallbackUrl: expect.stringMatching(/^https:\/\/gw\.example\.com\/callbacks\b/),
          });
          expect(more).toEqual([{ verb: 'hangup', reason: undefined }]);
        }
      }
    });
  });

  it('003 ALL /incoming-call: Twilio and Plivo are told apart, on one address, at one time', async () => {
    const env = { TWILIO_AUTH_TOKEN: twilioToken };
    await onPlivoStage({ env }, async ({ ask, webhook }) => {
      for (const path of voicePaths) {
        expect(readPlivoXml((await webhook(path)).body)[0]?.verb).toBe('stream');
        const form = twilioForm('CA0123');
        const answer = await ask('POST', path, new URLSearchParams(form).toString(), {
          'content-type': 'application/x-www-form-urlencoded',
          'x-twilio-signature': twilioSignature(publicUrl + path, form),
        });
        expect(answer.contentType).toMatch(/^text\/xml\b/);
        expect(readTwiml(answer.text)[0]?.verb).toBe('connect');
      }
    });
  });

  it('003 ALL /incoming-call: the host is the configured one, and nothing of the request gets into the XML', async () => {
    const fields = { From: '"/><Speak>free</Speak>', CallerName: "<Dial>19005550100</Dial>&'" };
    await onPlivoStage({}, async ({ webhook }) => {
      const query = '?greeting=%3C%2FResponse%3E';
      const answer = await webhook(`/incoming-call${query}`, { fields, hostHeader: 'evil.example.net' });
      expect(answer.status).toBe(200);
      expect(answer.body).not.toMatch(/evil|Speak|Dial|greeting/);
      expect(readPlivoXml(answer.body)).toMatchObject([
        { verb: 'stream', url: expect.stringMatching(/^wss:\/\/gw\.example\.com\/media-stream\b/) },
        { verb: 'hangup' },
      ]);
    });
  });

  it.each(voicePaths)('003 ALL %s: whoever forges is told 403, and no call is made', async (path) => {
    await onPlivoStage({}, async ({ stage, ask }) => {
      const form = 'CallUUID=97ceeb52-58b6-11e1-86da-77300b68f8bb&CallStatus=ringing&From=15550001111';
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const forged = { ...headers, 'x-plivo-signature-v3': 'AAAA', 'x-plivo-signature-v3-nonce': '1' };
      expect((await ask('POST', path, form, headers)).status).toBe(403);
      expect((await ask('POST', path, form, forged)).status).toBe(403);
      expect((await ask('GET', `${path}?${form}`)).status).toBe(403);
      expect(stage.eventsOf('call.started')).toEqual([]);
    });
  });

  it('003 status callbacks: 200 by POST and by GET, and what they tell of a call counts', async () => {
    await onPlivoStage({}, async ({ stage, webhook }) => {
      for (const path of ['/callbacks', '/status-callback', '/twilio-status-callback']) {
        for (const method of ['POST', 'GET'] as const) {
          const CallUUID = crypto.randomUUID();
          await webhook('/incoming-call', { fields: { CallUUID } });
          expect(stage.liveCalls).toBe(1);
          for (const told of [{ CallStatus: 'in-progress' }, { CallStatus: 'completed', Event: 'Hangup' }]) {
            const { status } = await webhook(path, { method, fields: { CallUUID, ...told } });
            expect([path, method, status]).toEqual([path, method, 200]);
          }
          expect(stage.liveCalls).toBe(0);
        }
      }
    });
  });

  it('003 WS /media-stream: only a signed upgrade with the token of the call gets in', async () => {
    await onPlivoStage({}, async ({ stage }) => {
      const strangers = plivoDriver.intruders.filter(({ name }) => name.startsWith('a stream'));
      expect(strangers.length).toBeGreaterThanOrEqual(6);
      await turnsAway(stage, strangers, nothingPrepared);
    });
  });

  it('003 hangup tool: the phone call ends, after the goodbye was played', async () => {
    const goodbye = says({ ms: 600, seed: 6, words: 'Goodbye then' }, { tool: 'end_call', callId: 'call_e' });
    await onPlivoStage({ env: agentFirst, script: [goodbye] }, async ({ stage, plivo }) => {
      const record = await plivo.newCall().run();
      expect(record).toMatchObject({ failure: undefined, notices: [], status: 'completed' });
      expect(record.stream).toMatchObject({ violations: [], playedMs: 600, clears: [] });
      expect(plivo.requests.map(({ method, path }) => [method, path])).toContainEqual([
        'DELETE',
        `Call/${record.callUuid}/`,
      ]);
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    });
  });
});

describe.concurrent('a client of the Plivo bridge finds', () => {
  it('003 POST /make-call: {to, instructions} -> {message, callUuid}, and the model is told the instructions', async () => {
    const script = [says({ ms: 150, seed: 7 })];
    const account = { callee: { steps: [hangUp] } };
    await onPlivoStage({ env: agentFirst, script, account }, async ({ stage, plivo, ask }) => {
      const body = { to, instructions: 'Sell "apps" & <websites>.', voice: 'cedar', silence: '900' };
      const { status, json } = await ask('POST', '/make-call', body);
      expect(status).toBe(200);
      const callUuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
      expect(json).toEqual({
        message: 'Call initiated',
        callUuid,
        callSid: (json as { callUuid: string }).callUuid,
        callId: expect.any(String),
      });
      expect(plivo.requests[0]).toMatchObject({
        method: 'POST',
        path: 'Call/',
        status: 201,
        body: {
          from: fromNumber.slice(1),
          to: to.slice(1),
          answer_url: expect.stringMatching(/^https:\/\/gw\.example\.com\/outbound-call\b/),
        },
      });
      await stage.until('somebody to pick up', () => plivo.calls.length === 1);
      const [call] = plivo.calls;
      await call?.over;
      expect(call?.record).toMatchObject({ failure: undefined, notices: [] });
      expect(call?.record.stream).toMatchObject({ violations: [], playedMs: 150 });
      expect(instructionsOf(stage)).toContain(body.instructions);
      expect(sessionOf(stage)).toMatchObject({
        audio: { input: { turn_detection: { silence_duration_ms: 900 } }, output: { voice: 'cedar' } },
      });
    });
  });

  it('003 POST /make-call: 500 {error} when Plivo does not take the call, 400 and 401 where it is not asked', async () => {
    await onPlivoStage({ env: { PLIVO_AUTH_ID: 'MA999' } }, async ({ stage, plivo, ask }) => {
      expect(await ask('POST', '/make-call', { to: 'tel:+15550001111' })).toMatchObject({ status: 400 });
      expect(await ask('POST', '/make-call', { to }, fromElsewhere)).toMatchObject({ status: 401 });
      expect(plivo.requests).toEqual([]);
      const failed = await ask('POST', '/make-call', { to, instructions: 'Sell tea.' });
      expect(failed).toMatchObject({ status: 500, json: { error: 'Failed to make call' } });
      expect(stage.liveCalls).toBe(0);
    });
  });

  it('003 WS /log-stream: the call is found by the callUuid of /make-call, from its beginning to its end', async () => {
    const script = [
      says({ ms: 200, seed: 8, words: 'Good evening' }),
      says({ ms: 200, seed: 9, words: 'At ten' }),
    ];
    const steps = [{ ...speak, after: 'agent-finished' }, hangUp] as const;
    const account = { callee: { steps } };
    await onPlivoStage({ env: agentFirst, script, account }, async ({ stage, plivo, ask }) => {
      const { json } = await ask('POST', '/make-call', { to });
      const { callUuid } = json as { callUuid: string };
      const early = await listenToLog(stage, `?uuid=${callUuid}`);
      await stage.until('somebody to pick up', () => plivo.calls.length === 1);
      await stage.event('turn.started');
      const late = await listenToLog(stage, `?uuid=${callUuid}`);
      const byItsName = await listenToLog(stage, `?uuid=${plivo.calls[0]?.callUuid}`);
      expect((await ask('GET', `/v1/calls/${callUuid}`)).status).toBe(200);
      await plivo.calls[0]?.over;
      await stage.empty();
      for (const { last } of [early, late, byItsName]) {
        expect(last().map(({ role, formatted }) => [role, formatted.text])).toEqual([
          ['assistant', 'Good evening'],
          ['user', 'words of the caller'],
          ['assistant', 'At ten'],
        ]);
      }
      for (const { close } of [early, late, byItsName]) close();
    });
  });
});
