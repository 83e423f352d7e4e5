import { useSignal } from '@preact/signals';
import type { CarrierStatus, DialBody } from '../../../src/api/contract.ts';
import type { AgentWishes } from '../phone/softphone.ts';
import type { Store } from '../store.ts';
import { AgentFields, noWishes } from './agent-fields.tsx';
import { carrierName } from './format.ts';

/** Calls a phone number where a carrier can; otherwise says what that would take. */
export function DialPanel({ store }: { store: Store }) {
  const carriers = store.status.value?.carriers ?? [];
  const dialling = carriers.filter((carrier) => carrier.canDial);
  if (dialling.length > 0) return <DialForm store={store} carriers={dialling} />;
  const near = carriers.filter((carrier) => carrier.missing.length > 0);
  if (near.length === 0) return null;
  return (
    <section class="panel dial" aria-labelledby="dial-title">
      <h2 id="dial-title">Call a number</h2>
      <p class="empty">No carrier can dial yet. It takes the settings of one of them:</p>
      {near.map((carrier) => (
        <details key={carrier.name} open={near.length === 1}>
          <summary>{carrierName(carrier.name)}</summary>
          {carrier.missing.map((name) => (
            <code key={name}>{name}</code>
          ))}
        </details>
      ))}
    </section>
  );
}

function DialForm({ store, carriers }: { store: Store; carriers: readonly CarrierStatus[] }) {
  const to = useSignal('');
  const carrier = useSignal(carriers[0]?.name ?? '');
  const wishes = useSignal<AgentWishes>(noWishes);
  const busy = useSignal(false);
  const outcome = useSignal<{ readonly failed: boolean; readonly text: string } | undefined>(undefined);

  const dial = async (): Promise<void> => {
    busy.value = true;
    outcome.value = undefined;
    try {
      const { callId } = await store.gateway.dial(dialBody(to.value, carrier.value, wishes.value));
      store.selectedId.value = callId;
      outcome.value = { failed: false, text: 'Ringing.' };
    } catch (thrown) {
      outcome.value = { failed: true, text: thrown instanceof Error ? thrown.message : String(thrown) };
    } finally {
      busy.value = false;
    }
  };

  return (
    <section class="panel dial" aria-labelledby="dial-title">
      <h2 id="dial-title">Call a number</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void dial();
        }}
      >
        <div class="dial-row">
          <label class="wide">
            Number
            <input
              type="tel"
              name="to"
              required
              pattern="\+[1-9][0-9 ]{5,20}"
              title="With country code: a plus sign and digits"
              placeholder="+1 415 555 0100"
              autocomplete="tel"
              value={to.value}
              onInput={(event) => {
                to.value = event.currentTarget.value;
              }}
            />
          </label>
          <button type="submit" class="primary" disabled={busy.value}>
            {busy.value ? 'Dialling…' : 'Call'}
          </button>
        </div>
        {carriers.length > 1 && (
          <label>
            Through
            <select
              value={carrier.value}
              onChange={(event) => {
                carrier.value = event.currentTarget.value;
              }}
            >
              {carriers.map(({ name }) => (
                <option key={name} value={name}>
                  {carrierName(name)}
                </option>
              ))}
            </select>
          </label>
        )}
        <details>
          <summary>Change the agent for this call</summary>
          <AgentFields wishes={wishes} />
        </details>
        <p class={outcome.value?.failed === true ? 'problem' : 'done'} role="status">
          {outcome.value?.text}
        </p>
      </form>
    </section>
  );
}

function dialBody(to: string, carrier: string, wishes: AgentWishes): DialBody {
  const stated = Object.entries(wishes).filter(([, text]) => text.trim() !== '');
  return { to: to.replaceAll(' ', ''), carrier, ...Object.fromEntries(stated) };
}
