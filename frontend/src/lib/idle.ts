import { useEffect, useState } from 'react';

/** Runs work when the page has loaded and the browser has nothing more urgent to do. Returns what calls it off. */
export function whenIdle(work: () => void): () => void {
  let idle = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    // Safari has no idle callbacks.
    if ('requestIdleCallback' in window) idle = window.requestIdleCallback(work, { timeout: 5000 });
    else timer = setTimeout(work, 200);
  };
  if (document.readyState === 'complete') wait();
  else window.addEventListener('load', wait, { once: true });
  return () => {
    window.removeEventListener('load', wait);
    if (idle) window.cancelIdleCallback(idle);
    clearTimeout(timer);
  };
}

/** False at first, true as soon as there is time for what can wait. */
export function useIdle(): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => whenIdle(() => setIdle(true)), []);
  return idle;
}
