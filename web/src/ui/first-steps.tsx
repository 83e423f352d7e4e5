import type { Store } from '../store.ts';

/** What to try, before there is anything to read. */
export function FirstSteps({ store }: { store: Store }) {
  const demo = store.status.value?.model.demo ?? true;
  if (store.phone.state.value !== 'idle' || store.selected.value !== undefined) {
    return <p class="empty">Nothing was said yet.</p>;
  }
  return (
    <div class="first-steps">
      <p class="lead">{demo ? 'Call the demo voice from this page.' : 'Call your agent from this page.'}</p>
      <ol>
        <li>
          <b>Say something.</b>{' '}
          {demo ? 'It repeats what you said.' : 'It answers as your callers would hear it.'}
        </li>
        <li>
          <b>Interrupt it.</b> The words that you did not hear are struck out here.
        </li>
        <li>
          <b>
            Press <kbd>#</kbd>
          </b>{' '}
          {demo ? 'and it hangs up.' : 'or any other key; the agent is told.'}
        </li>
      </ol>
    </div>
  );
}
