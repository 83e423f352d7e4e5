import { formatSeconds, type LatencyBar, latencyChart } from '../calls/latency.ts';
import type { Store } from '../store.ts';

const maxBars = 7;

/** How long the caller waited for each answer. */
export function LatencyPanel({ store }: { store: Store }) {
  const view = store.selected.value;
  const chart = latencyChart(view?.latencies ?? [], maxBars);
  const pickUpMs = view?.call.stats.pickUpToFirstAudioMs;
  const stats = view?.call.stats;
  return (
    <section class="panel latency" aria-labelledby="latency-title">
      <h2 id="latency-title">Response time</h2>
      <p class="headline">
        {chart.medianMs !== undefined && <span class="big figure">{formatSeconds(chart.medianMs)}</span>}
        <span class="headline-note">
          {chart.medianMs === undefined ? 'Measured' : 'Median'} from the end of the caller's speech to the
          first audio of the answer
        </span>
      </p>
      {chart.bars.length > 0 && (
        <>
          <ol class="bars">
            {chart.bars.map((bar) => (
              <Bar key={bar.turnId} bar={bar} />
            ))}
          </ol>
          <p class="scale figure" aria-hidden="true">
            <span>0</span>
            <span>{formatSeconds(chart.scaleMs)}</span>
          </p>
          <p class="legend">
            {chart.bars.some((bar) => bar.waitShare > 0) && (
              <span class="key wait" title="Until the model was sure that the caller had finished">
                end of speech
              </span>
            )}
            <span class="key sent">first audio</span>
            <span class="key heard">heard</span>
          </p>
        </>
      )}
      {stats !== undefined && (
        <dl class="stats">
          <div>
            <dt>Pick-up to first audio</dt>
            <dd class="figure">{pickUpMs === undefined ? '–' : formatSeconds(pickUpMs)}</dd>
          </div>
          <div>
            <dt>Interruptions</dt>
            <dd class="figure">{stats.bargeIns}</dd>
          </div>
          <div>
            <dt>Underruns</dt>
            <dd class="figure">{Math.max(stats.underruns, ownUnderruns(store))}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}

/** The page's own phone sees holes that the gateway can only infer. */
function ownUnderruns(store: Store): number {
  return store.selectedId.value === store.phone.callId.value ? store.phone.underruns.value : 0;
}

function Bar({ bar }: { bar: LatencyBar }) {
  const heard = bar.heardMs === undefined ? '' : `, heard after ${formatSeconds(bar.heardMs)}`;
  return (
    <li title={`Turn ${bar.turnId}: first audio after ${formatSeconds(bar.firstAudioMs)}${heard}`}>
      <span class="sr-only">
        Turn {bar.turnId}: first audio after {formatSeconds(bar.firstAudioMs)}
        {heard}
      </span>
      <span class="track" aria-hidden="true">
        <span class="wait" style={{ width: `${bar.waitShare * 100}%` }} />
        <span class="sent" style={{ width: `${bar.sentShare * 100}%` }} />
        <span class="heard" style={{ width: `${bar.heardShare * 100}%` }} />
      </span>
      <span class="figure" aria-hidden="true">
        {formatSeconds(
          bar.heardMs === undefined ? bar.firstAudioMs : Math.max(bar.firstAudioMs, bar.heardMs),
        )}
      </span>
    </li>
  );
}
