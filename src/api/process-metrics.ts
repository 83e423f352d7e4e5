import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** Where a late frame begins to matter; also how often the event loop is looked at, milliseconds. */
const lagResolutionMs = 20;

export interface ProcessMetrics {
  close(): void;
}

/** What is counted of the process: its build, its limits, its event loop, and Node's own figures. */
export function processMetrics(
  registry: Registry,
  options: { readonly version: string; readonly maxCalls: number; draining(): boolean },
): ProcessMetrics {
  const registers = [registry];
  const build = new Gauge({
    name: 'patchcord_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node'],
    registers,
  });
  build.set({ version: options.version, node: process.versions.node }, 1);
  const maxCalls = new Gauge({
    name: 'patchcord_max_calls',
    help: 'Calls that may be live at one time.',
    registers,
  });
  maxCalls.set(options.maxCalls);
  gaugeOf(registry, 'patchcord_draining', '1 while shutting down: new calls are refused.', () =>
    options.draining() ? 1 : 0,
  );
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs });
  delay.enable();
  lagGauge(registry, delay);
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagResolutionMs });
  return { close: () => delay.disable() };
}

/** How late the event loop was since the last time it was asked; starts anew each time. */
function lagGauge(registry: Registry, delay: ReturnType<typeof monitorEventLoopDelay>): void {
  new Gauge({
    name: 'patchcord_event_loop_lag_seconds',
    help: 'How late timers fired since the figures were last fetched.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      this.set({ quantile: '0.5' }, lagSeconds(delay.percentile(50)));
      this.set({ quantile: '0.99' }, lagSeconds(delay.percentile(99)));
      this.set({ quantile: '1' }, lagSeconds(delay.max));
      delay.reset();
    },
  });
}

/** The histogram holds whole intervals in nanoseconds; the lag is what they are over the resolution. */
function lagSeconds(intervalNs: number): number {
  return Math.max(0, intervalNs / 1e9 - lagResolutionMs / 1000);
}

function gaugeOf(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
