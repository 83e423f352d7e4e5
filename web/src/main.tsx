import { render } from 'preact';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/stage.css';
import './styles/panels.css';
import './styles/transcript.css';
import { App } from './app.tsx';
import { Store } from './store.ts';
import { Theme } from './ui/theme.ts';

const root = document.getElementById('app');
if (root !== null) {
  const theme = new Theme(document.documentElement);
  const store = new Store();
  store.open();
  window.addEventListener('pagehide', () => store.close());
  // A page that comes back from the browser's cache has closed its connections.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) store.open();
  });
  render(<App store={store} theme={theme} />, root);
}
