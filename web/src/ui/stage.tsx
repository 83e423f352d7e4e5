import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { MicProblem } from '../phone/audio-graph.ts';
import type { AgentWishes } from '../phone/softphone.ts';
import type { Store } from '../store.ts';
import { AgentFields, noWishes } from './agent-fields.tsx';
import { Cords } from './cords.ts';
import { clockTime, reasonText, useNow } from './format.ts';
import { Icon } from './icons.tsx';
import { Keypad } from './keypad.tsx';

const micTexts: Readonly<Record<MicProblem | 'lost', string>> = {
  denied:
    'The microphone is blocked for this page. You can listen and press keys; allow it in the address bar to speak.',
  missing: 'No microphone was found. You can listen and press keys.',
  busy: 'The microphone cannot be opened; another program may hold it. You can listen and press keys.',
  lost: 'The microphone went away. Call again to use another one.',
};

/** The call from this page: two jacks, two cords, and the button that joins them. */
export function Stage({ store }: { store: Store }) {
  const { phone } = store;
  const canvas = useRef<HTMLCanvasElement>(null);
  const keypad = useSignal(false);
  const wishes = useSignal<AgentWishes>(noWishes);
  const state = phone.state.value;
  const demo = store.status.value?.model.demo ?? false;
  const micProblem = phone.micProblem.value;

  useEffect(() => {
    if (canvas.current === null) return undefined;
    const cords = new Cords(canvas.current, () => ({
      caller: phone.inputLevel,
      agent: phone.outputLevel,
      plugged: phone.state.value !== 'idle',
      clears: store.clears,
    }));
    return () => cords.close();
  }, [phone, store]);

  const press = (): void => {
    if (state === 'idle') void phone.call(demo ? noWishes : wishes.value);
    else phone.hangUp();
  };
  const action = state === 'idle' ? 'Call' : 'Hang up';

  return (
    <section class={`stage ${state}`} aria-label="Call from this page">
      <div class="panel-face">
        <div class="cords" aria-hidden="true">
          <canvas ref={canvas} />
        </div>
        <p class="jack-name you">You</p>
        <p class="jack-name agent">{demo ? 'Demo voice' : 'Agent'}</p>
        <button
          type="button"
          class="call-button"
          onClick={press}
          aria-label={action}
          disabled={store.locked.value}
        >
          <span class="call-icon">
            <Icon name="handset" size={38} />
          </span>
        </button>
      </div>
      <p class="stage-line" role="status">
        <StageLine store={store} />
      </p>
      {micProblem !== undefined && (
        <p class="mic-problem" role="alert">
          {micTexts[micProblem]}
        </p>
      )}
      <div class="stage-tools">
        <button
          type="button"
          class="stage-tool"
          aria-pressed={phone.muted.value}
          onClick={() => phone.toggleMute()}
        >
          <Icon name={phone.muted.value ? 'micOff' : 'mic'} />
          {phone.muted.value ? 'Muted' : 'Mute'}
        </button>
        <button
          type="button"
          class="stage-tool"
          aria-expanded={keypad.value}
          aria-controls="keypad"
          onClick={() => {
            keypad.value = !keypad.value;
          }}
        >
          <Icon name="keypad" />
          Keypad
        </button>
      </div>
      <Keypad phone={phone} shown={keypad.value} />
      {state === 'idle' && store.status.value !== undefined && !demo && (
        <details class="stage-wishes">
          <summary>Change the agent for this call</summary>
          <AgentFields wishes={wishes} />
        </details>
      )}
    </section>
  );
}

function StageLine({ store }: { store: Store }) {
  const { phone } = store;
  const now = useNow(phone.state.value === 'live');
  const outcome = phone.outcome.value;
  const demo = store.status.value?.model.demo === true;
  switch (phone.state.value) {
    case 'connecting':
      return <>Connecting…</>;
    case 'live':
      return (
        <>
          <span class="figure timer" aria-live="off">
            {clockTime(now - (phone.startedAtMs.value ?? now))}
          </span>
          {demo && <span class="hint">Say something, interrupt it, press # to hang up</span>}
        </>
      );
    case 'idle':
      if (outcome?.kind === 'error') return <span class="failed">{outcome.text}</span>;
      if (outcome !== undefined) return <>Call ended. {reasonText(outcome.text)}.</>;
      return <>Press to call. Your browser will ask for the microphone.</>;
  }
}
