import { useRef } from 'preact/hooks';
import type { CutCause, Turn } from '../../../src/call/turn.ts';
import { splitHeard } from '../calls/heard.ts';
import { formatSeconds } from '../calls/latency.ts';
import type { Store } from '../store.ts';
import { CallControls } from './call-controls.tsx';
import { FirstSteps } from './first-steps.tsx';
import { callTitle, carrierName, clockTime, reasonText, useNow } from './format.ts';
import { SayForm } from './say-form.tsx';
import { useStickToEnd } from './stick-to-end.ts';

const wordsEveryMs = 100;

const cutTexts: Readonly<Record<CutCause, string>> = {
  'caller-spoke': 'The caller spoke',
  digit: 'A key was pressed',
  operator: 'Interrupted from the console',
  'model-lost': 'The model was lost',
  'call-ended': 'The call ended',
};

/** The selected call as a conversation: what was said, and what of it was heard. */
export function Transcript({ store }: { store: Store }) {
  const view = store.selected.value;
  const box = useRef<HTMLElement>(null);
  const turns = view?.call.turns.filter((turn) => turn.text.trim() !== '' || !turn.ended) ?? [];
  const grown = turns.reduce(
    (sum, { text, cut }) => sum + text.length + (cut === undefined ? 1 : 2),
    view?.ended ? 1 : 0,
  );

  useStickToEnd(box, grown);
  const demo = store.status.value?.model.demo;

  return (
    <section class="panel transcript" id="transcript" aria-labelledby="transcript-title" tabIndex={-1}>
      <div class="panel-head">
        <h2 id="transcript-title">
          {view === undefined ? 'Transcript' : callTitle(view.call, store.phone.callId.value)}
          {view !== undefined && view.call.carrier !== 'softphone' && (
            <span class="via">{carrierName(view.call.carrier)}</span>
          )}
        </h2>
        {view !== undefined && view.ended === undefined && <CallControls store={store} call={view.call} />}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <section class="turns-box" ref={box} tabIndex={0} aria-label="Conversation">
        {turns.length === 0 && <FirstSteps store={store} />}
        <ol class="turns">
          {turns.map((turn) => (
            <TurnRow
              key={turn.turnId}
              turn={turn}
              own={view?.call.callId === store.phone.callId.value}
              soundingSinceMs={view?.sounding?.turnId === turn.turnId ? view.sounding.sinceMs : undefined}
              waitedMs={view?.latencies.find(({ turnId }) => turnId === turn.turnId)?.firstAudioMs}
            />
          ))}
        </ol>
        {view?.ended !== undefined && <p class="over-note">{reasonText(view.ended.reason)}.</p>}
      </section>
      {/* The demo voice knows only the sentences that it brings. */}
      {demo === false && view?.ended === undefined && view?.call.state === 'live' && (
        <SayForm key={view.call.callId} store={store} callId={view.call.callId} />
      )}
      <p class="sr-only" aria-live="polite">
        {spoken(turns.findLast((turn) => turn.ended))}
      </p>
    </section>
  );
}

interface TurnRowProps {
  readonly turn: Turn;
  readonly own: boolean;
  readonly soundingSinceMs: number | undefined;
  readonly waitedMs: number | undefined;
}

function TurnRow({ turn, own, soundingSinceMs, waitedMs }: TurnRowProps) {
  const now = useNow(soundingSinceMs !== undefined, wordsEveryMs);
  const { heard, rest, state } = splitHeard(turn, soundingSinceMs === undefined ? 0 : now - soundingSinceMs);
  const caller = own ? 'You' : 'Caller';
  return (
    <li class={`turn ${turn.role} ${turn.ended ? '' : 'open'}`}>
      <p class="who">
        {turn.role === 'caller' ? caller : 'Agent'}
        <time class="figure">{clockTime(turn.startedAtMs)}</time>
        {waitedMs !== undefined && (
          <span class="waited figure" title="From the end of the caller's speech to the first audio">
            {formatSeconds(waitedMs)}
          </span>
        )}
      </p>
      <p class="words">
        {heard}
        {state === 'coming' && <span class="coming">{rest}</span>}
        {state === 'cut' && (
          <>
            <span class="cut-mark" aria-hidden="true" />
            {/^\s*/.exec(rest)?.[0]}
            <del>{rest.trimStart()}</del>
          </>
        )}
        {turn.text === '' && <span class="dots" role="img" aria-label="speaking" />}
      </p>
      {turn.cut !== undefined && state === 'cut' && (
        <p class="cut-note">
          {cutTexts[turn.cut]}
          <span class="figure">
            {' '}
            · heard {formatSeconds(turn.heardMs)} of {formatSeconds(turn.generatedMs)}
          </span>
        </p>
      )}
    </li>
  );
}

/** A finished turn for those who listen to the page: what was heard, and that there was more. */
function spoken(turn: Turn | undefined): string {
  if (turn === undefined) return '';
  const { heard, state } = splitHeard(turn);
  const who = turn.role === 'caller' ? 'Caller' : 'Agent';
  return `${who}: ${heard}${state === 'cut' ? '. Interrupted.' : ''}`;
}
