import { useState } from 'react';
import { storage } from './storage';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'grocery.theme';

/** The chosen theme. Stylesheets follow the color-scheme of the root; public/early.js sets it before the first paint. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => {
    const stored = storage.get(KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  });
  const choose = (next: Theme) => {
    storage.set(KEY, next === 'system' ? null : next);
    document.documentElement.style.colorScheme = next === 'system' ? '' : next;
    setTheme(next);
  };
  return [theme, choose];
}
