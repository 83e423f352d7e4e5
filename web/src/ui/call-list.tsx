import type { CarrierStatus } from '../../../src/api/contract.ts';
import type { CallView } from '../calls/call-view.ts';
import type { Store } from '../store.ts';
import { CallControls } from './call-controls.tsx';
import { callTitle, carrierName, clockTime, reasonText, useNow } from './format.ts';

export function CallList({ store }: { store: Store }) {
  const views = [...store.calls.value.values()];
  const live = views.filter((view) => view.ended === undefined);
  const over = views.filter((view) => view.ended !== undefined);
  const now = useNow(live.length > 0);
  const row = (view: CallView) => <CallRow key={view.call.callId} store={store} view={view} now={now} />;
  return (
    <section class="panel calls" aria-labelledby="calls-title">
      <h2 id="calls-title">
        Live calls <span class="count">{live.length}</span>
      </h2>
      {store.notice.value !== undefined && (
        <p class="problem" role="alert">
          {store.notice.value}
        </p>
      )}
      {live.length === 0 ? (
        <p class="empty">No calls right now. {whoCalls(store.status.value?.carriers ?? [])}</p>
      ) : (
        <ul>{live.map(row)}</ul>
      )}
      {over.length > 0 && (
        <>
          <h3>Ended</h3>
          <ul>{over.map(row)}</ul>
        </>
      )}
    </section>
  );
}

/** It needs no setting, so it stands here on the first day too. */
const avrCalls = 'Agent Voice Response (from this machine, or as AVR_ALLOW says)';

/** Which carriers calls can come from, the page itself aside. */
function whoCalls(carriers: readonly CarrierStatus[]): string {
  const names = carriers
    .filter(({ name, takesCalls }) => takesCalls && name !== 'softphone')
    .map(({ name }) => (name === 'avr' ? avrCalls : carrierName(name)));
  if (names.length === 0) return 'They appear here from every carrier.';
  return `They appear here from every carrier that may call: ${names.join(', ')}.`;
}

function CallRow({ store, view, now }: { store: Store; view: CallView; now: number }) {
  const { call, ended } = view;
  const selected = store.selectedId.value === call.callId;
  return (
    <li class={`call-row ${ended === undefined ? call.state : 'over'}`}>
      <button
        type="button"
        class="call-pick"
        aria-pressed={selected}
        onClick={() => {
          store.selectedId.value = call.callId;
        }}
      >
        <span class="call-name">
          <span class="arrow" role="img" aria-label={call.direction}>
            {call.direction === 'inbound' ? '↙' : '↗'}
          </span>
          {callTitle(call, store.phone.callId.value)}
        </span>
        <span class="call-time figure">{clockTime((ended?.atEpochMs ?? now) - call.startedAtEpochMs)}</span>
        <span class="call-state">
          {carrierName(call.carrier)} · {ended === undefined ? describe(view) : reasonText(ended.reason)}
        </span>
      </button>
      {ended === undefined && <CallControls store={store} call={call} compact />}
    </li>
  );
}

function describe({ call, callerSpeaks }: CallView): string {
  if (call.state !== 'live') return call.state;
  if (call.modelState !== 'ready') return `model ${call.modelState}`;
  if (callerSpeaks) return 'caller speaks';
  const last = call.turns.at(-1);
  return last?.role === 'agent' && !last.ended ? 'agent speaks' : 'listening';
}
