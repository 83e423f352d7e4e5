import { describe, expect, it } from 'vitest';
import { telnyxDriver } from '../contract/drivers/telnyx.ts';
import { eventOf, initiated, TelnyxApi } from '../contract/drivers/telnyx-api.ts';
import { hush, says } from '../contract/sounds.ts';
import type { Stage, StageOptions } from '../contract/stage.ts';
import { agentFirst } from './habits.ts';
import { mediaRows, turnsAway } from './media-rows.ts';
import { onStage } from './on-stage.ts';
import { dialled, heard, keys, onTelnyxStage } from './telnyx-stage.ts';

/** The rows of seed 001 (Telnyx) in the merged drop-in contract, over the whole gateway: what Telnyx itself finds. */

const path = '/api/webhooks/telnyx';
const apology = {
  payload: expect.stringContaining('sorry'),
  payload_type: 'text',
  service_level: 'basic',
  voice: 'male',
  language: 'en-US',
};

/** A gateway whose Telnyx answers commands and leaves webhooks and media to the test. */
async function onBareStage(
  options: StageOptions,
  play: (stage: Stage, api: TelnyxApi) => Promise<void>,
): Promise<void> {
  const api = await TelnyxApi.start({});
  try {
    await onStage({ ...options, env: { ...api.env, ...options.env } }, (stage) => play(stage, api));
  } finally {
    await api.close();
  }
}

mediaRows({
  rows: { stream: '001 WS /media-bridge', bargeIn: '001 WS /media-bridge' },
  says: { audio: 'media', mark: 'mark', clear: 'clear' },
  hungUp: { hangupCause: 'normal_clearing', hangupSource: 'caller' },
  on: (options, play) =>
    onTelnyxStage(options, ({ stage, telnyx }) => play(stage, (caller) => telnyx.newCall(caller))),
});

describe.concurrent('Telnyx finds the webhook and the stream that it had', () => {
  it('001 POST /api/webhooks/telnyx: 200 {"received":true} when signed, whatever the event is', async () => {
    await onTelnyxStage({}, async ({ ask }) => {
      for (const type of ['call.answered', 'call.machine.detection.ended', 'of.tomorrow']) {
        const body = eventOf('v3:unknown', type);
        const answer = await ask('POST', path, body, keys.headers(body, Date.now()));
        expect([answer.status, answer.json]).toEqual([200, { received: true }]);
      }
    });
  });

  it('001 POST /api/webhooks/telnyx: whoever forges is told 403, and no call is made', async () => {
    await onBareStage({}, async (stage, api) => {
      const forgers = telnyxDriver.intruders.filter(({ code }) => code === 'PATCHCORD_SIGNATURE_INVALID');
      expect(forgers.length).toBeGreaterThanOrEqual(5);
      expect(new Set(forgers.map(({ turnedAway }) => turnedAway))).toEqual(new Set([403]));
      await turnsAway(stage, forgers, api);
      expect(stage.eventsOf('call.started')).toEqual([]);
    });
  });

  it('001 POST /api/webhooks/telnyx: duplicates change nothing', async () => {
    const script = [says({ ms: 400, seed: 9 })];
    await onTelnyxStage({ env: agentFirst, script }, async ({ stage, telnyx, ask }) => {
      const call = telnyx.newCall();
      const running = call.run();
      const again = async (type: string, payload: object = {}): Promise<void> => {
        const same = eventOf(call.callControlId, type, payload);
        for (const body of [same, same, eventOf(call.callControlId, type, payload)]) {
          const { json } = await ask('POST', path, body, keys.headers(body, Date.now()));
          expect(json).toEqual({ received: true });
        }
      };
      await again('call.initiated', initiated);
      await heard(stage, call, 100);
      await again('call.initiated', initiated);
      await again('call.answered');
      await heard(stage, call, 400);
      call.hangUp();
      await running;
      await again('call.hangup', { hangup_cause: 'normal_clearing' });
      await again('call.initiated', initiated);
      await again('call.answered');
      expect(stage.eventsOf('call.started')).toHaveLength(1);
      expect(stage.eventsOf('call.ended')).toHaveLength(1);
      const commands = telnyx.requests.map(({ path: asked }) => asked.split('/').at(-1));
      // The call that ends at both sides at once may be hung up once more.
      expect(commands.filter((command) => command !== 'hangup')).toEqual(['answer', 'streaming_start']);
      expect(call.record.stream).toMatchObject({ violations: [], playedMs: 400 });
    });
  });

  it('001 streaming_start body: as it was, but for the track and the token', async () => {
    await onTelnyxStage({ env: agentFirst, script: [says({ ms: 150, seed: 10 })] }, async (it) => {
      const call = await dialled(it);
      await heard(it.stage, call, 150);
      const [started] = call.record.commands.filter(({ action }) => action === 'streaming_start');
      const token = String(started?.body.stream_auth_token);
      expect(token.length).toBeGreaterThanOrEqual(32);
      expect(started?.body).toEqual({
        stream_url: `wss://gw.example.com/media-bridge?token=${token}`,
        stream_track: 'inbound_track',
        stream_bidirectional_mode: 'rtp',
        stream_bidirectional_codec: 'PCMU',
        stream_codec: 'PCMU',
        stream_auth_token: token,
        command_id: expect.any(String),
      });
      call.hangUp();
      await call.over;
    });
  });

  it('001 streaming_start failure: a spoken apology, and then the call is hung up', async () => {
    // Telnyx takes no address without TLS.
    const insecure = 'http://gw.example.com';
    const options = { env: { PUBLIC_URL: insecure }, account: { publicUrl: insecure } };
    await onTelnyxStage(options, async (it) => {
      const call = await dialled(it);
      await call.over;
      expect(it.telnyx.requests.find(({ path: asked }) => asked.endsWith('streaming_start'))?.status).toBe(
        422,
      );
      expect(call.record.commands.map(({ action }) => action)).toEqual(['speak', 'hangup']);
      expect(call.record.commands[0]?.body).toMatchObject(apology);
      expect(call.record.stream).toBeUndefined();
      expect((await it.stage.event('call.ended')).reason).toBe('carrier-failed');
    });
  });

  it('001 streaming_start failure: the same when the stream that Telnyx promised does not come', async () => {
    // Nobody listens on the discard port.
    await onTelnyxStage({ env: { PUBLIC_URL: 'https://127.0.0.1:9' } }, async ({ stage, telnyx }) => {
      const call = telnyx.newCall();
      await call.run();
      expect(call.record.commands.map(({ action }) => action)).toEqual([
        'answer',
        'streaming_start',
        'speak',
        'hangup',
      ]);
      expect(call.record.commands[2]?.body).toMatchObject(apology);
      expect((await stage.event('call.ended')).reason).toBe('carrier-failed');
    });
  });

  it('001 WS /media-bridge: frames go to the model in the order of their chunks, of the caller alone', async () => {
    await onBareStage({}, async (stage, api) => {
      const call = await telnyxDriver.call(stage.gateway.url, stage.watch.changed, true, api);
      const { format } = call.style;
      const frames = [0, 1, 2, 3, 4, 5].map((seed) => hush(format, 20, seed));
      const sent = frames.map((frame) => call.mediaOf(frame));
      // What the caller hears, numbered as if it were the frame that comes next.
      const echo = { ...sent[3], payload: call.payloadOf(hush(format, 20, 99)), track: 'outbound' };
      for (const media of [sent[0], sent[2], sent[1], echo, sent[1], sent[5], sent[3], sent[4]]) {
        call.message('media', { media });
      }
      const all = Buffer.concat(frames);
      await stage.until(
        'all of it at the model',
        () => stage.tap.sessions[0]?.callerAudio().length === all.length,
      );
      expect(stage.tap.session(0).callerAudio().equals(all)).toBe(true);
      call.hangUp();
      await call.closed;
      await stage.empty();
      expect(call.violations).toEqual([]);
    });
  });

  it('001 WS /media-bridge: only who brings the token of the call gets in', async () => {
    await onBareStage({}, async (stage, api) => {
      const strangers = telnyxDriver.intruders.filter(
        ({ code }) => code === 'PATCHCORD_STREAM_TOKEN_INVALID',
      );
      expect(strangers.length).toBeGreaterThanOrEqual(4);
      await turnsAway(stage, strangers, api);
    });
  });
});
