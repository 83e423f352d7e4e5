import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { PatchcordError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { Access } from './access.ts';
import { Metrics, registerMetrics } from './metrics.ts';
import { endedEvent, eventOf, snapshotOf, startedEvent } from './test-fixtures.ts';

const opened: Metrics[] = [];

function setUp(draining = () => false): Metrics {
  const metrics = new Metrics({ version: '1.2.3', maxCalls: 500, draining });
  opened.push(metrics);
  return metrics;
}

afterEach(() => {
  for (const metrics of opened.splice(0)) metrics.close();
});

/** The samples whose name and labels begin so. */
async function samples(metrics: Metrics, begin: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(`patchcord_${begin}`));
}

async function value(metrics: Metrics, sample: string): Promise<number> {
  const [line = ''] = await samples(metrics, `${sample} `);
  return Number(line.split(' ').at(-1));
}

describe('the metrics', () => {
  it('count live calls by carrier, and ended ones by why they ended', async () => {
    const metrics = setUp();
    metrics.observe(startedEvent('a'));
    metrics.observe(startedEvent('b', { carrier: 'softphone' }));
    metrics.observe(startedEvent('c', { direction: 'outbound' }));
    metrics.observe(endedEvent('a', 'agent-hung-up'));
    expect(await samples(metrics, 'live_calls')).toEqual([
      'patchcord_live_calls{carrier="twilio"} 1',
      'patchcord_live_calls{carrier="softphone"} 1',
    ]);
    expect(await value(metrics, 'calls_total{carrier="twilio",reason="agent-hung-up"}')).toBe(1);
    expect(await value(metrics, 'calls_started_total{carrier="twilio",direction="outbound"}')).toBe(1);
    expect(await value(metrics, 'padded_caller_audio_seconds_total{carrier="twilio"}')).toBe(0.06);
    expect(await value(metrics, 'call_duration_seconds_sum{carrier="twilio"}')).toBe(4.2);
  });

  it('measure how soon the agent speaks, in seconds', async () => {
    const metrics = setUp();
    metrics.observe(startedEvent('a'));
    metrics.observe(eventOf('a', { type: 'latency.pick-up', firstAudioMs: 250 }));
    metrics.observe(eventOf('a', { type: 'latency.turn', turnId: 2, endpointingMs: 500, firstAudioMs: 800 }));
    metrics.observe(
      eventOf('a', { type: 'latency.turn', turnId: 2, endpointingMs: 500, firstAudioMs: 800, heardMs: 900 }),
    );
    const of = (name: string) => value(metrics, `${name}{carrier="twilio"}`);
    expect(await of('pick_up_to_first_audio_seconds_sum')).toBe(0.25);
    expect(await of('caller_stopped_to_first_audio_seconds_sum')).toBe(0.8);
    expect(await of('caller_stopped_to_first_audio_seconds_count')).toBe(1);
    expect(await of('caller_stopped_to_heard_seconds_sum')).toBe(0.9);
    expect(await value(metrics, 'endpointing_seconds_sum')).toBe(0.5);
    expect(await value(metrics, 'endpointing_seconds_count')).toBe(1);
  });

  it('tell barge-ins that clear in microseconds apart', async () => {
    const metrics = setUp();
    metrics.observe(startedEvent('a'));
    for (const clearMs of [0.02, 0.2, 2]) {
      metrics.observe(eventOf('a', { type: 'barge-in', cause: 'caller-spoke', clearMs, items: [] }));
    }
    expect(await value(metrics, 'barge_ins_total{carrier="twilio",cause="caller-spoke"}')).toBe(3);
    expect(await value(metrics, 'barge_in_to_clear_seconds_bucket{le="0.000025"}')).toBe(1);
    expect(await value(metrics, 'barge_in_to_clear_seconds_bucket{le="0.00025"}')).toBe(2);
    expect(await value(metrics, 'barge_in_to_clear_seconds_bucket{le="0.0025"}')).toBe(3);
  });

  it('count what goes wrong', async () => {
    const metrics = setUp();
    metrics.observe(startedEvent('a'));
    metrics.observe(eventOf('a', { type: 'playout.underrun' }));
    metrics.observe(eventOf('a', { type: 'agent-audio.lost', lostMs: 2500 }));
    metrics.observe(eventOf('a', { type: 'caller-audio.lost', lostMs: 1500 }));
    metrics.observe(eventOf('a', { type: 'caller-audio.lost', lostMs: 500 }));
    const failure = { type: 'error', message: 'm', fatal: false } as const;
    metrics.observe(eventOf('a', { ...failure, code: 'PATCHCORD_MODEL_LOST' }));
    metrics.observe(eventOf('a', { ...failure, code: 'PATCHCORD_RESPONSE_FAILED' }));
    metrics.observe(eventOf('a', { ...failure, code: 'PATCHCORD_MEDIA_LOST' }));
    metrics.observe(eventOf('a', { type: 'model.state', from: 'ready', to: 'resuming', cause: 'resuming' }));
    metrics.observe(eventOf('a', { ...failure, code: 'PATCHCORD_TRUNCATION_REFUSED' }));
    metrics.refused('twilio', new PatchcordError('PATCHCORD_SIGNATURE_INVALID'));
    metrics.admissionRefused('PATCHCORD_CALL_LIMIT');
    expect(await value(metrics, 'underruns_total{carrier="twilio"}')).toBe(1);
    expect(await value(metrics, 'lost_caller_audio_seconds_total{carrier="twilio"}')).toBe(2);
    expect(await value(metrics, 'lost_agent_audio_seconds_total{carrier="twilio"}')).toBe(2.5);
    expect(await samples(metrics, 'model_errors_total')).toEqual([
      'patchcord_model_errors_total{code="PATCHCORD_MODEL_LOST"} 1',
      'patchcord_model_errors_total{code="PATCHCORD_RESPONSE_FAILED"} 1',
      'patchcord_model_errors_total{code="PATCHCORD_TRUNCATION_REFUSED"} 1',
    ]);
    expect(await value(metrics, 'call_errors_total{carrier="twilio",code="PATCHCORD_MEDIA_LOST"}')).toBe(1);
    expect(await value(metrics, 'model_resumes_total')).toBe(1);
    expect(await value(metrics, 'truncation_rejections_total')).toBe(1);
    expect(
      await value(metrics, 'refused_peers_total{carrier="twilio",code="PATCHCORD_SIGNATURE_INVALID"}'),
    ).toBe(1);
    expect(await value(metrics, 'admission_refusals_total{code="PATCHCORD_CALL_LIMIT"}')).toBe(1);
  });

  it('count tools and tokens', async () => {
    const metrics = setUp();
    metrics.observe(startedEvent('a'));
    const tool = { type: 'tool.finished', toolCallId: 't', name: 'n', durationMs: 1 } as const;
    metrics.observe(eventOf('a', { ...tool, ok: true }));
    metrics.observe(eventOf('a', { ...tool, ok: false }));
    const { usage } = snapshotOf('a');
    metrics.observe(eventOf('a', { type: 'usage', usage }));
    metrics.observe(eventOf('a', { type: 'usage', usage }));
    expect(await value(metrics, 'tool_calls_total{outcome="ok"}')).toBe(1);
    expect(await value(metrics, 'tool_calls_total{outcome="failed"}')).toBe(1);
    expect(await value(metrics, 'model_tokens_total{kind="output_audio"}')).toBe(80);
    expect(await value(metrics, 'model_tokens_total{kind="cached_text"}')).toBe(6);
  });

  it('say what runs, what it may carry, whether it shuts down, and how late its loop is', async () => {
    let draining = false;
    const metrics = setUp(() => draining);
    expect(await samples(metrics, 'build_info')).toEqual([
      `patchcord_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    ]);
    expect(await value(metrics, 'max_calls')).toBe(500);
    expect(await value(metrics, 'draining')).toBe(0);
    draining = true;
    expect(await value(metrics, 'draining')).toBe(1);
    const lag = await samples(metrics, 'event_loop_lag_seconds');
    expect(lag.map((line) => line.split(' ')[0])).toEqual([
      'patchcord_event_loop_lag_seconds{quantile="0.5"}',
      'patchcord_event_loop_lag_seconds{quantile="0.99"}',
      'patchcord_event_loop_lag_seconds{quantile="1"}',
    ]);
    expect(await metrics.text()).toContain('process_cpu_seconds_total');
  });

  it('of two gateways in one process are apart', async () => {
    const [one, other] = [setUp(), setUp()];
    one.observe(startedEvent('a'));
    expect(await samples(one, 'live_calls')).toHaveLength(1);
    expect(await samples(other, 'live_calls')).toEqual([]);
  });

  it('are all in docs/metrics.md, with their labels, and nothing else is', async () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    const metrics = setUp();
    const own = metrics.registry.getMetricsAsArray().filter(({ name }) => name.startsWith('patchcord_'));
    const expected = own.map((metric) => {
      const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames : [];
      return `${metric.name} ${labels.join(',')}`.trim();
    });
    const documented = [...docs.matchAll(/^\| `(patchcord_\w+)` \| \w+ \| ([^|]*) \|/gm)].map(
      ([, name, labels = '']) =>
        `${name} ${[...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).join(',')}`.trim(),
    );
    expect(documented.toSorted()).toEqual(expected.toSorted());
  });
});

describe('GET /metrics', () => {
  it('is Prometheus text for local requests and keys, and closed to others', async () => {
    const app = Fastify();
    const access = new Access({ clock: new VirtualClock(), keys: ['the-key'] });
    registerMetrics(app, { metrics: setUp(), access, log: silentLogger });
    const ask = (headers: Record<string, string>) => app.inject({ url: '/metrics', headers });
    const local = await ask({ host: 'localhost' });
    expect([local.statusCode, local.headers['content-type']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect(local.body).toContain('# TYPE patchcord_live_calls gauge');
    expect((await ask({ host: 'gw.example.com' })).statusCode).toBe(401);
    expect((await ask({ host: 'gw.example.com', authorization: 'Bearer the-key' })).statusCode).toBe(200);
    await app.close();
  });
});
