import { useSignal } from '@preact/signals';

/** Shown to a visitor without a session: the key goes to the gateway once, which answers with a session. */
export function KeyForm() {
  const key = useSignal('');
  return (
    <main class="locked">
      <form
        class="panel key-form"
        onSubmit={(event) => {
          event.preventDefault();
          location.assign(`./?key=${encodeURIComponent(key.value.trim())}`);
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
            value={key.value}
            onInput={(event) => {
              key.value = event.currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="primary">
          Open the console
        </button>
      </form>
    </main>
  );
}
