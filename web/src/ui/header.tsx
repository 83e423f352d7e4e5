import type { Store } from '../store.ts';
import { Icon, type IconName } from './icons.tsx';
import type { Theme, ThemeChoice } from './theme.ts';

const themeIcons: Readonly<Record<ThemeChoice, IconName>> = { system: 'system', light: 'sun', dark: 'moon' };

export function Header({ store, theme }: { store: Store; theme: Theme }) {
  const status = store.status.value;
  return (
    <header class="top">
      <h1 class="brand">
        <svg viewBox="0 0 40 24" width="40" height="24" aria-hidden="true">
          <path class="brand-cord" d="M7 8c12-7 14 15 26 8" />
          <circle cx="7" cy="8" r="4.200" />
          <circle cx="33" cy="16" r="4.200" />
        </svg>
        Patchcord
      </h1>
      <dl class="status">
        {status !== undefined && (
          <>
            <div>
              <dt>Model</dt>
              <dd title={status.model.name}>{status.model.demo ? 'Demo voice' : status.model.name}</dd>
            </div>
            <div>
              <dt>Live calls</dt>
              <dd class="figure">
                {store.liveCount.value}
                <span class="of"> / {status.maxCalls}</span>
              </dd>
            </div>
          </>
        )}
        <div role="status">
          <dt>Gateway</dt>
          <dd>
            <GatewayState store={store} />
          </dd>
        </div>
      </dl>
      <button
        type="button"
        class="plain theme"
        onClick={() => theme.next()}
        aria-label={`Theme: ${theme.choice.value}`}
        title={`Theme: ${theme.choice.value}`}
      >
        <Icon name={themeIcons[theme.choice.value]} />
      </button>
    </header>
  );
}

function GatewayState({ store }: { store: Store }) {
  if (store.locked.value) return <span class="lamp warn">Needs a key</span>;
  if (!store.connected.value) return <span class="lamp bad">Not connected</span>;
  if (store.status.value?.draining === true) return <span class="lamp warn">Draining</span>;
  return <span class="lamp good">Taking calls</span>;
}
