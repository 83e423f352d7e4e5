import { useSignal } from '@preact/signals';
import { GatewayError } from '../gateway/client.ts';
import type { Store } from '../store.ts';

/** Shown to a visitor without a session: the key goes to the gateway once, which answers with a session. */
export function KeyForm({ store }: { store: Store }) {
  const key = useSignal('');
  const problem = useSignal(store.keyRefused ? 'The key in the address was not accepted.' : undefined);

  const signIn = async (): Promise<void> => {
    problem.value = undefined;
    try {
      await store.gateway.signIn(key.value.trim());
      location.replace('./');
    } catch (thrown) {
      problem.value = thrown instanceof GatewayError ? thrown.message : String(thrown);
    }
  };

  return (
    <main class="locked">
      <form
        class="panel key-form"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn();
        }}
      >
        <h2>This console needs a key</h2>
        <p>
          The gateway printed one when it started, as part of the console's address. With{' '}
          <code>PATCHCORD_API_KEYS</code> set, any of those keys opens it.
        </p>
        <label>
          API key
          <input
            type="password"
            name="key"
            autocomplete="current-password"
            required
            aria-invalid={problem.value !== undefined}
            aria-describedby="key-problem"
            value={key.value}
            onInput={(event) => {
              key.value = event.currentTarget.value;
            }}
          />
        </label>
        <p class="key-problem" id="key-problem" role="alert">
          {problem.value}
        </p>
        <button type="submit" class="primary">
          Open the console
        </button>
      </form>
    </main>
  );
}
