import { storage } from './storage';

const KEY = 'grocery.token';

/** Why nobody is signed in: never was, left, or the token ran out. */
export type SessionEnd = 'none' | 'signed-out' | 'expired';

interface State {
  token: string | null;
  end: SessionEnd;
}

/**
 * Who is signed in, as the access token of the API. It outlives a reload, follows the other tabs of the browser, and
 * ends by itself when the token has run out.
 */
class Session {
  #state: State = { token: null, end: 'none' };
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#load(storage.get(KEY), 'none');
    window.addEventListener('storage', (event) => {
      if (event.key === KEY || event.key === null) this.#load(storage.get(KEY), 'signed-out');
    });
  }

  get state(): State {
    return this.#state;
  }

  get token(): string | null {
    return this.#state.token;
  }

  begin(token: string): void {
    storage.set(KEY, token);
    this.#load(token, 'none');
  }

  /** Ends the session. Given a token, only when that token is still the current one. */
  finish(end: SessionEnd, token?: string): void {
    if (token !== undefined && token !== this.#state.token) return;
    storage.set(KEY, null);
    this.#load(null, end);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #load(token: string | null, end: SessionEnd): void {
    clearTimeout(this.#timer);
    const left = token === null ? 0 : expiry(token) - Date.now();
    if (token !== null && left <= 0) {
      storage.set(KEY, null);
      token = null;
      end = 'expired';
    }
    if (token !== null && left < 2 ** 31) {
      const current = token;
      this.#timer = setTimeout(() => this.finish('expired', current), left);
    }
    this.#state = { token, end };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** When a JWT runs out, in milliseconds since 1970; Infinity when it does not say. The server checks, this only tells. */
function expiry(token: string): number {
  try {
    const payload = token.split('.')[1] ?? '';
    const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof claims.exp === 'number' ? claims.exp * 1000 : Infinity;
  } catch {
    return Infinity;
  }
}

export const session = new Session();
