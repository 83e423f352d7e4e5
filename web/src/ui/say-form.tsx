import { useSignal } from '@preact/signals';
import type { Store } from '../store.ts';

/** Has the agent of a live call say something, word for word. */
export function SayForm({ store, callId }: { store: Store; callId: string }) {
  const text = useSignal('');
  const busy = useSignal(false);
  const problem = useSignal<string | undefined>(undefined);

  const say = async (): Promise<void> => {
    busy.value = true;
    problem.value = undefined;
    try {
      await store.gateway.say(callId, text.value);
      text.value = '';
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      busy.value = false;
    }
  };

  return (
    <form
      class="say"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.value.trim() !== '' && !busy.value) void say();
      }}
    >
      <input
        name="say"
        aria-label="What the agent is to say"
        placeholder="Have the agent say…"
        maxLength={3000}
        autocomplete="off"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
        }}
      />
      <button type="submit" class="small" disabled={busy.value || text.value.trim() === ''}>
        Say
      </button>
      <p class="problem" role="alert" hidden={problem.value === undefined}>
        {problem.value}
      </p>
    </form>
  );
}
