import type { Location } from 'react-router';

/** The sign-in page, with the way back to where somebody is. */
export function signInPath({ pathname, search }: Pick<Location, 'pathname' | 'search'>): string {
  return withNext('/sign-in', nextOf(search) ?? (pathname === '/register' || pathname === '/sign-in' ? '/' : pathname + search));
}

export function withNext(path: string, next: string): string {
  return next === '/' ? path : `${path}?next=${encodeURIComponent(next)}`;
}

/** Where to go after signing in: only ever a page of this shop. */
export function nextOf(search: string): string | null {
  const next = new URLSearchParams(search).get('next');
  return next?.startsWith('/') && !/^\/[/\\]/.test(next) ? next : null;
}
