import { describe, expect, it } from 'vitest';
import { detectTone, sine } from '../../src/audio/tones.ts';
import type { ScriptedResponse } from '../../src/emulators/openai-realtime/behaviours/scripted.ts';
import { says } from '../contract/sounds.ts';
import { onAvrStage } from './avr-stage.ts';
import { agentFirst, hangUp, speak } from './habits.ts';

/** The rows of seed 000 (Agent Voice Response) in the merged drop-in contract, over the whole gateway. */

/** Callers take their time from key to key. */
const oneByOne = { PATCHCORD_DTMF_INTER_DIGIT_MS: '1500' };

describe.concurrent('avr-core finds what it had', () => {
  it('000 WS any path, query: from, to, uniqueid and channel are known of the call', async () => {
    await onAvrStage({ env: { AVR_PORT: '0' } }, async ({ stage, call }) => {
      const metadata = { uniqueid: '1700000000.7', channel: 'PJSIP/2000-00000001' };
      const from = '+15550001111';
      const { url: gatewayUrl = '' } = stage.gateway.listeners.find(({ name }) => name === 'AVR_PORT') ?? {};
      const elsewhere = { gatewayUrl, path: '/any/path' };
      for (const where of [{}, elsewhere]) {
        const made = call({ ...where, from, to: '+15550002222', metadata });
        const running = made.run();
        await stage.until('the call', () => stage.liveCalls === 1);
        const [live] = stage.gateway.switchboard.directory.calls();
        expect(live?.party).toMatchObject({ from, to: '+15550002222', variables: metadata });
        made.hangUp();
        const record = await running;
        expect(record.failure).toBeUndefined();
        expect(record.stream?.violations).toEqual([]);
        expect(stage.eventsOf('call.started').at(-1)?.call).toMatchObject({
          carrier: 'avr',
          carrierCallId: record.uuid,
        });
        await stage.empty();
      }
    });
  });

  it('000 init: one session per socket; a second one opens none and is answered with ready', async () => {
    await onAvrStage({ env: agentFirst, script: [says({ ms: 200, seed: 1 })] }, async ({ stage, call }) => {
      const made = call({ steps: [hangUp] });
      const running = made.run();
      await stage.until('the model there', () => stage.tap.sessions.length === 1);
      await stage.until('the call live', () => stage.liveCalls === 1);
      made.initAgain();
      const record = await running;
      expect(record.session.ready).toBe(1);
      expect(record.failure).toBeUndefined();
      expect(stage.tap.sessions).toHaveLength(1);
      expect(stage.eventsOf('call.started')).toHaveLength(1);
    });
  });

  it('000 audio in: what the caller says before the model is ready is answered', async () => {
    const options = { faults: { handshakeDelayMs: 1200 }, script: [says({ ms: 300, seed: 2 })] };
    await onAvrStage(options, async ({ stage, call }) => {
      const record = await call({ steps: [speak, hangUp] }).run();
      expect(record.failure).toBeUndefined();
      expect(record.stream?.missedSteps).toBe(0);
      expect(record.stream?.firstAudioAtMs).toBeDefined();
      expect(stage.eventsOf('caller-audio.lost')).toEqual([]);
    });
  });

  it('000 audio out: exactly 320 bytes, the last filled up, and nothing folded down from above 4 kHz', async () => {
    // 6 kHz would appear at 2 kHz; 1 kHz beside it shows that the answer is there.
    const tones: ScriptedResponse = ({ outputSampleRate: rate }) => {
      const [low, high] = [sine(1000, 330, rate), sine(6000, 330, rate)];
      const samples = low.map((sample, at) => (sample + (high[at] ?? 0)) / 3);
      return { parts: [{ type: 'speech', samples, sampleRate: rate, transcript: 'two tones' }] };
    };
    await onAvrStage({ env: agentFirst, script: [tones] }, async ({ call }) => {
      const made = call({ steps: [hangUp], player: { keepAudio: true } });
      const record = await made.run();
      expect(record.stream?.violations).toEqual([]);
      expect(record.session.audioMessages).toBe(17);
      const heard = Buffer.from(made.line?.player.playedAudio() ?? []);
      const samples = new Int16Array(heard.length / 2).map((_, at) => heard.readInt16LE(at * 2));
      expect(samples.length).toBe(17 * 160);
      const middle = samples.subarray(400, 2400);
      expect(detectTone(middle, 8000, 1000)).toBeGreaterThan(-25);
      expect(detectTone(middle, 8000, 2000)).toBeLessThan(-75);
    });
  });

  it('000 interruption: only while the agent is heard, and the model knows how much was', async () => {
    const script = [says({ ms: 150, seed: 3 }), says({ ms: 4000, seed: 4 }), says({ ms: 150, seed: 5 })];
    await onAvrStage({ script }, async ({ stage, call }) => {
      const record = await call({
        steps: [
          speak,
          { ...speak, after: 'agent-finished', delayMs: 300 },
          { ...speak, after: 'agent-started', delayMs: 700 },
          hangUp,
        ],
      }).run();
      expect(record.failure).toBeUndefined();
      expect(record.stream?.violations).toEqual([]);
      expect(record.session.interruptions).toBe(1);
      const [cleared] = record.stream?.clears ?? [];
      const [truncation] = stage.emulator.sessions.flatMap((session) => session.record.truncations);
      expect(truncation?.accepted).toBe(true);
      expect(Math.abs((truncation?.audioEndMs ?? 0) - (cleared?.stretchMs ?? 0))).toBeLessThan(100);
    });
  });

  it('000 transcript, error: roles user and agent in order; an error where the model fails', async () => {
    const script = [
      says({ ms: 200, seed: 6, words: 'Good evening' }),
      says({ ms: 200, seed: 7, words: 'At ten' }),
    ];
    await onAvrStage({ env: agentFirst, script }, async ({ call }) => {
      const record = await call({ steps: [{ ...speak, after: 'agent-finished' }, hangUp] }).run();
      expect(record.session.transcripts).toEqual([
        { role: 'agent', text: 'Good evening' },
        { role: 'user', text: 'words of the caller' },
        { role: 'agent', text: 'At ten' },
      ]);
      expect(record.session.errors).toEqual([]);
    });
    await onAvrStage({ faults: { handshakeStatus: 401 } }, async ({ call }) => {
      const record = await call().run();
      expect(record.session.errors).toHaveLength(1);
      // Not dead air: the caller hears an apology.
      expect(record.stream?.playedMs).toBeGreaterThan(1000);
      expect(record.stream?.endedBy).toBe('gateway');
    });
  });

  it('000 dtmf_digit: reaches the model as what the caller says', async () => {
    await onAvrStage({ env: oneByOne, script: [says({ ms: 200, seed: 8 })] }, async ({ stage, call }) => {
      const record = await call({ steps: [{ do: 'digits', digits: '4#', atMs: 300 }, hangUp] }).run();
      expect(record.failure).toBeUndefined();
      expect(stage.eventsOf('digit').map(({ digit }) => digit)).toEqual(['4', '#']);
      const texts = stage.tap.session(0).askedFor('conversation.item.create');
      expect(JSON.stringify(texts)).toContain('pressed 4 on');
    });
  });

  it('000 reset: the conversation begins anew in the same call', async () => {
    const script = [says({ ms: 150, seed: 9, words: 'a secret word' }), says({ ms: 150, seed: 10 })];
    await onAvrStage({ env: agentFirst, script }, async ({ stage, call }) => {
      const made = call({ steps: [{ ...speak, atMs: 1500 }, hangUp] });
      const running = made.run();
      await stage.until('the greeting heard', () => (made.line?.player.playedMs ?? 0) >= 150);
      made.reset();
      const record = await running;
      expect(record.failure).toBeUndefined();
      expect(record.stream?.missedSteps).toBe(0);
      expect(stage.eventsOf('call.started')).toHaveLength(1);
      // What the last answer was made of: nothing of before the reset.
      const last = stage.emulator.sessions.at(-1)?.record;
      const kept = last?.items.filter(({ deleted }) => !deleted) ?? [];
      expect(kept.filter(({ kind }) => kind === 'speech' || kind === 'message').length).toBeLessThanOrEqual(
        2,
      );
      const history = JSON.stringify(stage.tap.sessions.at(-1)?.askedFor('conversation.item.create') ?? []);
      expect(history).not.toContain('a secret word');
    });
  });

  it('000 POST /speech-to-speech-stream: raw audio both ways, X-UUID read, odd chunks taken', async () => {
    await onAvrStage({ script: [says({ ms: 500, seed: 11 })] }, async ({ stage, httpCall }) => {
      const record = await httpCall({ oddChunks: true, steps: [speak, hangUp] }).run();
      expect(record.failure).toBeUndefined();
      expect(record.exchange).toMatchObject({ contentType: 'text/event-stream', endedInOrder: true });
      expect(record.exchange?.answeredAfterMs).toBeLessThan(1000);
      expect(record.exchange?.pacing.frames).toBe(25);
      // Real time, not a third faster: a frame may be early by what another was late.
      expect(record.exchange?.pacing.maxEarlyMs).toBeLessThan(60);
      expect(stage.eventsOf('call.started')).toMatchObject([{ call: { carrierCallId: record.uuid } }]);
    });
  });

  it('000 POST /speech-to-speech-stream: 500 and JSON before the first byte, a clean end after it', async () => {
    await onAvrStage({ env: { PATCHCORD_MAX_CALLS: '1' } }, async ({ stage, call }) => {
      const first = call();
      const running = first.run();
      await stage.until('a call', () => stage.liveCalls === 1);
      const refused = await fetch(`${stage.gateway.url}/speech-to-speech-stream`, {
        method: 'POST',
        body: 'ab',
      });
      expect(refused.status).toBe(500);
      expect(refused.headers.get('content-type')).toContain('application/json');
      expect(await refused.json()).toHaveProperty('message');
      first.hangUp();
      await running;
    });
    await onAvrStage({ faults: { handshakeStatus: 401 } }, async ({ httpCall }) => {
      const record = await httpCall().run();
      expect(record.failure).toBeUndefined();
      expect(record.exchange?.endedInOrder).toBe(true);
      expect(record.stream).toMatchObject({ endedBy: 'gateway' });
    });
  });

  it('000 avr_transfer: the AMI helper is asked with the defaults demo and 1, after the announcement', async () => {
    const transfer = { tool: 'avr_transfer', args: '{"transfer_extension":"600"}', callId: 'call_t' };
    const script = [says({ ms: 600, seed: 12, words: 'I put you through' }, transfer)];
    await onAvrStage({ env: agentFirst, script }, async ({ stage, ami, call }) => {
      const record = await call().run();
      expect(record.transfer).toEqual({ exten: '600', context: 'demo', priority: 1 });
      expect(ami.requestsTo('/transfer')).toMatchObject([
        { status: 200, body: { uuid: record.uuid, exten: '600', context: 'demo', priority: 1 } },
      ]);
      expect(record.stream?.playedMs).toBeGreaterThanOrEqual(600);
      expect(stage.tap.session(0).askedFor('response.create').length).toBeLessThanOrEqual(1);
      expect((await stage.event('call.ended')).reason).toBe('transferred');
    });
  });

  it('000 avr_transfer: a failure is told to the model as the result of its call', async () => {
    const transfer = { tool: 'avr_transfer', args: '{"transfer_extension":"600"}', callId: 'call_t' };
    const script = [says(transfer), says({ ms: 200, seed: 13 })];
    await onAvrStage({ env: agentFirst, script }, async ({ stage, ami, call }) => {
      ami.broken = true;
      const record = await call({ steps: [hangUp] }).run();
      expect(record.transfer).toBeUndefined();
      const results = stage.tap.session(0).askedFor('conversation.item.create');
      expect(results).toMatchObject([{ item: { type: 'function_call_output', call_id: 'call_t' } }]);
      expect(stage.tap.session(0).askedFor('response.create')).toHaveLength(2);
    });
  });

  it('000 avr_hangup: the channel is hung up after the goodbye was heard', async () => {
    const script = [says({ ms: 700, seed: 14, words: 'Goodbye' }, { tool: 'avr_hangup', callId: 'call_h' })];
    await onAvrStage({ env: agentFirst, script }, async ({ stage, ami, call }) => {
      const record = await call().run();
      expect(ami.requestsTo('/hangup')).toMatchObject([{ status: 200, body: { uuid: record.uuid } }]);
      expect(record.stream?.playedMs).toBeGreaterThanOrEqual(690);
      expect(record.stream?.endedBy).toBe('gateway');
      expect((await stage.event('call.ended')).reason).toBe('agent-hung-up');
    });
  });
});
