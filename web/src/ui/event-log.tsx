import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { filterLines, type LogTopic, logTopics } from '../calls/log-line.ts';
import type { Store } from '../store.ts';
import { useStickToEnd } from './stick-to-end.ts';

/** Lines that are drawn; the filter looks at all that are kept. */
const maxDrawn = 200;
const timeOf = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 1,
});

export function EventLog({ store }: { store: Store }) {
  const topics = useSignal<ReadonlySet<LogTopic>>(new Set(logTopics));
  const search = useSignal('');
  const onlySelected = useSignal(false);
  const list = useRef<HTMLOListElement>(null);
  const callId = onlySelected.value ? store.selectedId.value : undefined;
  const lines = filterLines(store.log.value, topics.value, search.value, callId).slice(-maxDrawn);
  const newest = lines.at(-1)?.id;

  useStickToEnd(list, newest);

  const toggle = (topic: LogTopic): void => {
    const next = new Set(topics.value);
    if (!next.delete(topic)) next.add(topic);
    topics.value = next;
  };

  return (
    <section class="panel log" aria-labelledby="log-title">
      <h2 id="log-title">Events</h2>
      <div class="log-tools">
        <input
          type="search"
          aria-label="Search the events"
          placeholder="Search"
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={onlySelected.value}
            onChange={(event) => {
              onlySelected.value = event.currentTarget.checked;
            }}
          />
          This call
        </label>
      </div>
      <fieldset class="topics">
        <legend class="sr-only">Topics</legend>
        {logTopics.map((topic) => (
          <button
            type="button"
            key={topic}
            class={`topic ${topic}`}
            aria-pressed={topics.value.has(topic)}
            onClick={() => toggle(topic)}
          >
            {topic}
          </button>
        ))}
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <ol class="lines" ref={list} tabIndex={0} aria-label="Events, oldest first">
        {lines.length === 0 && <li class="none">Nothing yet</li>}
        {lines.map((line) => (
          <li key={line.id} class={line.topic}>
            <time class="figure">{timeOf.format(line.atEpochMs)}</time>
            <span>
              <span class="type">{line.type}</span> <span class="detail">{line.detail}</span>
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
