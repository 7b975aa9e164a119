import '@fontsource-variable/figtree/wght.css';
import '@fontsource/sofia-sans-extra-condensed/900.css';
import './components/tokens.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
