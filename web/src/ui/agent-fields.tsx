import type { Signal } from '@preact/signals';
import type { AgentWishes } from '../phone/softphone.ts';

export const noWishes: AgentWishes = { instructions: '', voice: '', greeting: '' };

/** What may differ from the default agent in one call. */
export function AgentFields({ wishes }: { wishes: Signal<AgentWishes> }) {
  const set = (name: keyof AgentWishes) => (event: { currentTarget: { value: string } }) => {
    wishes.value = { ...wishes.value, [name]: event.currentTarget.value };
  };
  return (
    <>
      <label class="greeting">
        Greeting
        <input
          name="greeting"
          maxLength={1000}
          placeholder="Said word for word"
          value={wishes.value.greeting}
          onInput={set('greeting')}
        />
      </label>
      <label class="instructions">
        Instructions
        <textarea
          name="instructions"
          rows={2}
          maxLength={8000}
          placeholder="As the default agent"
          value={wishes.value.instructions}
          onInput={set('instructions')}
        />
      </label>
      <label class="voice">
        Voice
        <input
          name="voice"
          maxLength={64}
          placeholder="As the default agent"
          value={wishes.value.voice}
          onInput={set('voice')}
        />
      </label>
    </>
  );
}
