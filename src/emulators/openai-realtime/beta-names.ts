import type { Item, ServerEvent } from './events.ts';

// The names that events had before August 2025, which several compatible servers still send.
const betaTypes: Readonly<Record<string, string>> = {
  'response.output_audio.delta': 'response.audio.delta',
  'response.output_audio.done': 'response.audio.done',
  'response.output_audio_transcript.delta': 'response.audio_transcript.delta',
  'response.output_audio_transcript.done': 'response.audio_transcript.done',
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
  'conversation.item.added': 'conversation.item.created',
};

const betaContent: Readonly<Record<string, string>> = { output_text: 'text', output_audio: 'audio' };

/** The event under its beta name, with beta content types; undefined where the beta API had no such event. */
export function betaEvent(event: ServerEvent): object | undefined {
  if (event.type === 'conversation.item.done') return undefined;
  const type = betaTypes[event.type] ?? event.type;
  if ('item' in event && event.item !== undefined) return { ...event, type, item: betaItem(event.item) };
  if ('response' in event) {
    const output = (event.response.output ?? []).map(betaItem);
    return { ...event, type, response: { ...event.response, output } };
  }
  return { ...event, type };
}

function betaItem(item: Item): object {
  if (item.type !== 'message') return item;
  const content = item.content.map((part) => ({ ...part, type: betaContent[part.type ?? ''] ?? part.type }));
  return { ...item, content };
}
