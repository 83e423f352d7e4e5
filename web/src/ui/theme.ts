import { signal } from '@preact/signals';

export type ThemeChoice = 'system' | 'light' | 'dark';

const key = 'patchcord-theme';
const order: readonly ThemeChoice[] = ['system', 'light', 'dark'];

/** Light or dark, as the system has it or as the user chose; kept where the browser lets a page keep things. */
export class Theme {
  readonly choice = signal<ThemeChoice>(remembered());
  readonly #root: HTMLElement;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#apply();
  }

  next(): void {
    this.choice.value = order[(order.indexOf(this.choice.value) + 1) % order.length] ?? 'system';
    this.#apply();
    try {
      localStorage.setItem(key, this.choice.value);
    } catch (thrown) {
      console.info('the theme is not remembered', thrown);
    }
  }

  #apply(): void {
    if (this.choice.value === 'system') delete this.#root.dataset.theme;
    else this.#root.dataset.theme = this.choice.value;
  }
}

function remembered(): ThemeChoice {
  try {
    const value = localStorage.getItem(key);
    return order.find((choice) => choice === value) ?? 'system';
  } catch {
    return 'system';
  }
}
