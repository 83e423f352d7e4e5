import type { Store } from './store.ts';
import { CallList } from './ui/call-list.tsx';
import { DialPanel } from './ui/dial-panel.tsx';
import { EventLog } from './ui/event-log.tsx';
import { Header } from './ui/header.tsx';
import { KeyForm } from './ui/key-form.tsx';
import { LatencyPanel } from './ui/latency-panel.tsx';
import { Stage } from './ui/stage.tsx';
import type { Theme } from './ui/theme.ts';
import { Transcript } from './ui/transcript.tsx';

export function App({ store, theme }: { store: Store; theme: Theme }) {
  return (
    <>
      <a class="skip" href="#transcript">
        Skip to the transcript
      </a>
      <Header store={store} theme={theme} />
      {store.locked.value ? (
        <KeyForm store={store} />
      ) : (
        <main class="board">
          <div class="column call-column">
            <Stage store={store} />
            <Transcript store={store} />
          </div>
          <div class="column calls-column">
            <CallList store={store} />
            <DialPanel store={store} />
          </div>
          <div class="column facts-column">
            <LatencyPanel store={store} />
            <EventLog store={store} />
          </div>
        </main>
      )}
    </>
  );
}
