import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { NavigationType, useLocation, useNavigationType } from 'react-router';
import { windowStorage } from '@/lib/storage';

const KEY = 'grocery.places';
/** So many places are remembered. */
const KEPT = 50;
/** How long a page may take to grow to where one was. */
const PATIENCE_MS = 10_000;
/** Whoever does one of these goes somewhere themselves. */
const MOVES = ['wheel', 'touchstart', 'pointerdown', 'keydown'];

/** Another page begins at its top; going back leads to where one was, also after a reload or from another site. */
export function useScroll(): void {
  const { key, pathname } = useLocation();
  const navigation = useNavigationType();
  const [places] = useState(remembered);
  // The entry that a window opened with has no key of its own.
  const place = key === 'default' ? `${key} ${pathname}` : key;
  const current = useRef(place);
  const shown = useRef(pathname);
  const leading = useRef(false);

  useEffect(() => {
    window.history.scrollRestoration = 'manual';
    const onScroll = () => {
      if (!leading.current) places.set(current.current, window.scrollY);
    };
    const remember = () => windowStorage.set(KEY, JSON.stringify([...places].slice(-KEPT)));
    window.addEventListener('scroll', onScroll, { passive: true });
    window.addEventListener('pagehide', remember);
    return () => {
      window.removeEventListener('scroll', onScroll);
      window.removeEventListener('pagehide', remember);
    };
  }, [places]);

  useLayoutEffect(() => {
    const other = shown.current !== pathname;
    current.current = place;
    shown.current = pathname;
    if (navigation === NavigationType.Pop) return leadTo(places.get(place) ?? 0, leading);
    if (other && !window.location.hash) window.scrollTo(0, 0);
  }, [place, pathname, navigation, places]);
}

/**
 * Scrolls to a place. While the page is not as long yet as it was, because its goods are on their way, it goes on as far
 * as there is page. Returns what ends that.
 */
function leadTo(y: number, leading: { current: boolean }): () => void {
  window.scrollTo(0, y);
  const arrived = () => Math.abs(window.scrollY - y) < 2;
  if (arrived()) return () => undefined;
  const grown = new ResizeObserver(() => {
    window.scrollTo(0, y);
    if (arrived()) stop();
  });
  const stop = () => {
    leading.current = false;
    grown.disconnect();
    clearTimeout(timer);
    for (const move of MOVES) window.removeEventListener(move, stop);
  };
  const timer = setTimeout(stop, PATIENCE_MS);
  for (const move of MOVES) window.addEventListener(move, stop, { passive: true });
  leading.current = true;
  grown.observe(document.body);
  return stop;
}

/** The places of this window's earlier pages. A visit that begins anew begins at the top. */
function remembered(): Map<string, number> {
  const [visit] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  if (visit?.type === 'navigate') return new Map();
  try {
    return new Map(JSON.parse(windowStorage.get(KEY) ?? '[]') as [string, number][]);
  } catch {
    return new Map();
  }
}
