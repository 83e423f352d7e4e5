import type { CallSnapshot } from '../../../src/call/events.ts';
import type { Store } from '../store.ts';
import { callTitle } from './format.ts';
import { Icon } from './icons.tsx';

/** Interrupt and hang up, for any live call of any carrier. */
export function CallControls({
  store,
  call,
  compact = false,
}: {
  store: Store;
  call: CallSnapshot;
  compact?: boolean;
}) {
  const who = callTitle(call);
  return (
    <span class={`controls ${compact ? 'compact' : ''}`}>
      <button
        type="button"
        class="small"
        title="Stop the agent in mid-sentence"
        aria-label={`Interrupt the agent, ${who}`}
        onClick={() => store.interrupt(call.callId)}
      >
        <Icon name="hand" size={16} />
        {!compact && 'Interrupt'}
      </button>
      <button
        type="button"
        class="small danger"
        title="End this call"
        aria-label={`Hang up, ${who}`}
        onClick={() => store.hangUp(call.callId)}
      >
        <span class="down">
          <Icon name="handset" size={16} />
        </span>
        {!compact && 'Hang up'}
      </button>
    </span>
  );
}
