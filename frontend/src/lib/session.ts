import { BACKEND } from '@/config/runtime';
import { ApiError, isPassing, refusal, send } from './http';
import type { Me, Session as Answer } from './shop-types';
import { storage } from './storage';

/** Says that the browser holds a refresh cookie: `in`, or `leaving` while the shop has not heard of the sign-out. No secret. */
const KEY = 'grocery.session';
const LOCK = 'grocery.session';
const CHANNEL = 'grocery.session';
/** A token with less time left is renewed before it is sent. */
const MARGIN_MS = 10_000;
/** How long a tab waits for the token that another one has just got. */
const HEARSAY_MS = 150;

/** Why nobody is signed in: never was, left, or the session ran out. */
export type SessionEnd = 'none' | 'signed-out' | 'expired';

interface State {
  /** `unknown`: somebody was signed in, and the shop has not said yet whether they still are. */
  who: 'unknown' | 'guest' | 'member';
  user: Me | null;
  end: SessionEnd;
  /** Nobody knows who is there because the shop was asked and did not answer. */
  away: boolean;
}

type News = { kind: 'began'; answer: Answer; until: number } | { kind: 'ended'; end: SessionEnd } | { kind: 'changed'; user: Me };

/**
 * Who is signed in. The access token is good for minutes and lives in the memory of this tab alone; the browser keeps a
 * refresh cookie that no script can read and that gets the next one. Tabs renew one at a time (a lock) and tell each
 * other what they got (a channel), so that a cookie is used once and everybody signs in and out together.
 */
export class Session {
  #state: State = { who: 'guest', user: null, end: 'none', away: false };
  #token: { value: string; until: number } | null = null;
  #listeners = new Set<() => void>();
  #renewing: Promise<string> | null = null;
  /** Changes with every sign-in and sign-out; a renewal that began before is void. */
  #era = 0;
  #channel = new BroadcastChannel(CHANNEL);
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#channel.onmessage = (event: MessageEvent<News>) => this.#hear(event.data);
  }

  get state(): State {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Finds out who is there when the page opens. Asks again until the shop has answered. */
  open(): void {
    const kept = storage.get(KEY);
    if (kept === 'leaving') void this.#leave();
    if (kept !== 'in' || this.#state.who !== 'guest') return;
    this.#show({ who: 'unknown', user: null, end: 'none', away: false });
    window.addEventListener('online', () => this.retry());
    this.retry();
  }

  /** Asks at once who is there, as long as that is unknown. */
  retry(): void {
    this.#retry(0);
  }

  /** Somebody has signed in, or the shop has given a new session for another reason. */
  begin(answer: Answer): void {
    const until = Date.now() + answer.expires_in * 1000;
    storage.set(KEY, 'in');
    this.#adopt(answer, until);
    this.#tell({ kind: 'began', answer, until });
  }

  /** The account of who is signed in has changed. */
  change(user: Me): void {
    if (this.#state.who !== 'member') return;
    this.#show({ ...this.#state, user });
    this.#tell({ kind: 'changed', user });
  }

  /** Signs out here and in the other tabs, and tells the shop as soon as it can be reached. */
  async signOut(): Promise<void> {
    storage.set(KEY, 'leaving');
    this.#finish('signed-out');
    this.#tell({ kind: 'ended', end: 'signed-out' });
    await this.#leave();
  }

  /** The session is over at the shop: its refresh cookie is worth nothing any more. */
  ended(end: SessionEnd): void {
    storage.set(KEY, null);
    this.#finish(end);
    this.#tell({ kind: 'ended', end });
  }

  /** A token that is good now. Throws ApiError 401 when nobody is signed in, NetworkError when it cannot be known. */
  token(): Promise<string> {
    if (this.#state.who === 'guest') return Promise.reject(new ApiError(401, 'Please sign in to go on.'));
    if (this.#token && this.#token.until - Date.now() > MARGIN_MS) return Promise.resolve(this.#token.value);
    return this.#renew();
  }

  /** The token that is good now, if there is one. */
  atHand(): string | null {
    return this.#fresh() ?? null;
  }

  /** Another token instead of one that the shop has refused. */
  replace(refused: string): Promise<string> {
    if (this.#token?.value === refused) this.#token = null;
    return this.token();
  }

  #renew(): Promise<string> {
    this.#renewing ??= this.#renewAlone().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renewAlone(): Promise<string> {
    const era = this.#era;
    return alone(async (waited) => {
      // Whoever had the lock before has most likely got a token for everybody.
      for (let ms = 0; waited && ms < HEARSAY_MS && !this.#fresh(); ms += 10) await new Promise((done) => setTimeout(done, 10));
      const heard = this.#fresh();
      if (heard !== undefined) return heard;
      if (era !== this.#era) throw new ApiError(401, 'Please sign in to go on.');
      const reply = await send(`${BACKEND}/api/v1/auth/refresh`, {
        method: 'POST',
        headers: { Accept: 'application/json', 'X-Requested-With': 'grocery' },
        credentials: 'include',
      });
      // Somebody signed in or out meanwhile: what this renewal brought is theirs no more.
      if (era !== this.#era) {
        if (this.#token) return this.#token.value;
        throw new ApiError(401, 'Please sign in to go on.');
      }
      if (reply.status !== 200 || reply.data === undefined) {
        const error = refusal(reply.status === 200 ? { ...reply, status: 502 } : reply);
        if (error.status === 401 || error.status === 403) this.ended('expired');
        throw error;
      }
      const answer = reply.data as Answer;
      this.begin(answer);
      return answer.access_token;
    });
  }

  #fresh(): string | undefined {
    return this.#token && this.#token.until - Date.now() > MARGIN_MS ? this.#token.value : undefined;
  }

  /** While it is unknown who is there: asks now, and then less and less often. */
  #retry(tries: number): void {
    clearTimeout(this.#again);
    if (this.#state.who !== 'unknown') return;
    this.#renew().catch((error: unknown) => {
      if (isPassing(error) || (error instanceof ApiError && error.status === 429)) {
        this.#again = setTimeout(() => this.#retry(tries + 1), Math.min(30_000, 1000 * 2 ** tries));
        if (this.#state.who === 'unknown') this.#show({ ...this.#state, away: true });
      } else if (this.#state.who === 'unknown') this.ended('expired');
    });
  }

  async #leave(): Promise<void> {
    try {
      const { status } = await send(`${BACKEND}/api/v1/auth/logout`, { method: 'POST', headers: { 'X-Requested-With': 'grocery' }, credentials: 'include' });
      if (status < 500 && status !== 429 && storage.get(KEY) === 'leaving') storage.set(KEY, null);
    } catch {
      // The note stays, and the next page says it to the shop.
    }
  }

  #adopt(answer: Answer, until: number): void {
    this.#era++;
    clearTimeout(this.#again);
    this.#token = { value: answer.access_token, until };
    this.#show({ who: 'member', user: answer.user, end: 'none', away: false });
  }

  #finish(end: SessionEnd): void {
    this.#era++;
    clearTimeout(this.#again);
    this.#token = null;
    // Whoever was only being looked for, and is not there, need not be told about an end.
    this.#show({ who: 'guest', user: null, end, away: false });
  }

  #hear(news: News): void {
    if (news.kind === 'began') this.#adopt(news.answer, news.until);
    else if (news.kind === 'ended') this.#finish(news.end);
    else if (this.#state.who === 'member') this.#show({ ...this.#state, user: news.user });
  }

  #tell(news: News): void {
    this.#channel.postMessage(news);
  }

  #show(state: State): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Runs one piece of work at a time among all tabs; says whether it had to wait for another tab. */
async function alone<T>(work: (waited: boolean) => Promise<T>): Promise<T> {
  // Browsers offer locks to secure pages only.
  const locks = navigator.locks as LockManager | undefined;
  if (!locks) return work(false);
  const free = await locks.request(LOCK, { ifAvailable: true }, async (lock) => (lock ? { value: await work(false) } : null));
  return free ? free.value : locks.request(LOCK, () => work(true));
}

export const session = new Session();
