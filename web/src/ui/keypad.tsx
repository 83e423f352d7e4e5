import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Softphone } from '../phone/softphone.ts';

const keys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'] as const;
const litMs = 160;

/** Twelve keys to press, and the same keys of the keyboard while a call is up and no field has the focus. */
export function Keypad({ phone, shown }: { phone: Softphone; shown: boolean }) {
  const lit = useSignal<string | undefined>(undefined);
  const live = phone.state.value === 'live';

  useEffect(() => {
    if (!live) return undefined;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isField(event.target)) return;
      const key = keys.find((candidate) => candidate === event.key);
      if (key === undefined) return;
      event.preventDefault();
      phone.digit(key);
      lit.value = key;
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [live, phone, lit]);

  const current = lit.value;
  useEffect(() => {
    if (current === undefined) return undefined;
    const timer = setTimeout(() => {
      lit.value = undefined;
    }, litMs);
    return () => clearTimeout(timer);
  }, [current, lit]);

  return (
    <fieldset class="keypad" id="keypad" hidden={!shown}>
      <legend class="sr-only">Keypad</legend>
      {keys.map((key) => (
        <button
          type="button"
          key={key}
          class={current === key ? 'lit' : ''}
          disabled={!live}
          onClick={() => {
            phone.digit(key);
            lit.value = key;
          }}
        >
          {key}
        </button>
      ))}
    </fieldset>
  );
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}
