import { useEffect, useLayoutEffect, useRef } from 'react';
import { NavigationType, useLocation, useNavigationType } from 'react-router';

const places = new Map<string, number>();

/** Another page begins at its top; going back leads to where one was. */
export function useScroll(): void {
  const { key, pathname } = useLocation();
  const navigation = useNavigationType();
  const current = useRef(key);
  const shown = useRef(pathname);

  useEffect(() => {
    window.history.scrollRestoration = 'manual';
    const onScroll = () => places.set(current.current, window.scrollY);
    window.addEventListener('scroll', onScroll, { passive: true });
    return () => window.removeEventListener('scroll', onScroll);
  }, []);

  useLayoutEffect(() => {
    const other = shown.current !== pathname;
    current.current = key;
    shown.current = pathname;
    if (navigation === NavigationType.Pop) window.scrollTo(0, places.get(key) ?? 0);
    else if (other && !window.location.hash) window.scrollTo(0, 0);
  }, [key, pathname, navigation]);
}
