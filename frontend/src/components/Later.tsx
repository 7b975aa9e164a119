import { Component, createElement, useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { windowStorage } from '@/lib/storage';

/** Code of the page that did not arrive. */
export class NotArrived extends Error {
  override name = 'NotArrived';
}

/** Says that the page was loaded anew for the sake of a file that was missing, and has not found one since. */
const KEY = 'grocery.renewed';
const parts = new Set<() => Promise<unknown>>();

/**
 * A component whose code comes when it is needed. React's `lazy` is not used, because what failed there has failed for
 * good, and because React keeps what waits in a Suspense waiting for 300 ms more.
 */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, waiting: ReactNode = null): ComponentType<P> {
  let part: ComponentType<P> | null = null;
  const bring = async () => {
    const module = await load();
    part = module.default;
  };
  parts.add(bring);
  return function Later(props: P) {
    const [{ Part, error }, show] = useState<{ Part: ComponentType<P> | null; error?: NotArrived }>({ Part: part });
    const missing = Part === null;
    useEffect(() => {
      if (!missing) return;
      let left = false;
      bring()
        .catch(renewed)
        .then(
          () => {
            windowStorage.set(KEY, null);
            if (!left) show({ Part: part });
          },
          (cause: unknown) => {
            if (!left) show({ Part: null, error: new NotArrived('a part of the page did not arrive', { cause }) });
          },
        );
      return () => {
        left = true;
      };
    }, [missing]);
    if (error) throw error;
    return Part ? createElement(Part, props) : waiting;
  };
}

/** Sends for everything that comes later, so that it is there when it is needed. What fails is asked for again then. */
export async function sendAhead(): Promise<void> {
  for (const bring of parts) await bring().catch(() => undefined);
}

/**
 * A file that is missing while the page itself is there: the shop has been renewed since this page was opened, and names
 * its files anew. A new page knows them. It is loaded once, not for ever.
 */
async function renewed(error: unknown): Promise<never> {
  if (windowStorage.get(KEY) !== null || !navigator.onLine) throw error;
  const { ok } = await fetch('/', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(5000) });
  if (!ok) throw error;
  windowStorage.set(KEY, 'yes');
  window.location.reload();
  return new Promise<never>(() => undefined);
}

interface GuardProps {
  children: ReactNode;
  /** Shown instead of what failed; it gets the way to try again. Without it nothing is shown. */
  fallback?: (error: unknown, again: () => void) => ReactNode;
  onFailure?: () => void;
  /** When it changes, something else is inside, which is tried. */
  at?: string;
}

/** Keeps a failure of what is inside from everything around it. */
export class Guard extends Component<GuardProps, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidMount() {
    window.addEventListener('online', this.#again);
  }

  override componentWillUnmount() {
    window.removeEventListener('online', this.#again);
  }

  override componentDidCatch() {
    this.props.onFailure?.();
  }

  override componentDidUpdate(before: GuardProps) {
    if (before.at !== this.props.at) this.#again();
  }

  readonly #again = () => {
    if (this.state.error !== null) this.setState({ error: null });
  };

  override render() {
    if (this.state.error === null) return this.props.children;
    return this.props.fallback?.(this.state.error, this.#again) ?? null;
  }
}
