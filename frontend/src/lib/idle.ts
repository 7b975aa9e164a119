import { useEffect, useState } from 'react';

/**
 * Runs work when the page has loaded, so many milliseconds have gone by, and the browser has nothing more urgent to do.
 * Returns what calls it off.
 */
export function whenIdle(work: () => void, ms = 0): () => void {
  let idle = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    timer = setTimeout(() => {
      // Safari has no idle callbacks.
      if ('requestIdleCallback' in window) idle = window.requestIdleCallback(work, { timeout: 5000 });
      else work();
    }, ms);
  };
  if (document.readyState === 'complete') wait();
  else window.addEventListener('load', wait, { once: true });
  return () => {
    window.removeEventListener('load', wait);
    clearTimeout(timer);
    if (idle) window.cancelIdleCallback(idle);
  };
}

/** True as soon as what is urgent is there and there is time for what can wait. */
export function useIdle(urgent: boolean): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => (urgent ? whenIdle(() => setIdle(true)) : undefined), [urgent]);
  return idle;
}
