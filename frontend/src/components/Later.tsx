import { Component, createElement, lazy, useState, type ComponentType, type ReactNode } from 'react';
import { windowStorage } from '@/lib/storage';

/** Code of the page that did not arrive. */
export class NotArrived extends Error {
  override name = 'NotArrived';
}

/** Says that the page was loaded anew for the sake of a file that was missing, and has not found one since. */
const KEY = 'grocery.renewed';
const parts = new Set<() => Promise<unknown>>();
const failed = new Set<() => void>();

/** A component whose code comes when it is needed. Where React's `lazy` fails for good, it is asked for again. */
export function later<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let part: ComponentType<P> | null = null;
  const ask = () =>
    lazy(() =>
      load()
        .catch(renewed)
        .then(
          (module) => {
            windowStorage.set(KEY, null);
            return module;
          },
          (cause: unknown) => {
            failed.add(() => (part = null));
            throw new NotArrived('a part of the page did not arrive', { cause });
          },
        ),
    );
  parts.add(async () => {
    const module = await load();
    part = module.default;
  });
  return function Later(props: P) {
    // For as long as it is shown it is one and the same.
    const [Part] = useState(() => (part ??= ask()));
    return createElement(Part, props);
  };
}

/** Sends for everything that comes later, so that it is there when it is needed. What fails is asked for again then. */
export async function sendAhead(): Promise<void> {
  for (const load of parts) await load().catch(() => undefined);
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
    for (const forget of failed) forget();
    failed.clear();
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
