import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ShopAPI } from '@/testing/shop-api';
import { NetworkError } from './http';
import { Session } from './session';

const REFRESH = 'POST /api/v1/auth/refresh';

describe('a session', () => {
  let api: ShopAPI;
  let tab: Session;
  beforeEach(() => {
    api = new ShopAPI();
    tab = new Session();
  });
  afterEach(() => tab.ended('none'));
  const refreshes = () => api.calls.filter((c) => c === REFRESH).length;

  it('is not asked for where nobody was signed in', () => {
    tab.open();
    expect(tab.state.who).toBe('guest');
    expect(api.calls).toEqual([]);
  });

  it('outlives a reload by its cookie; no token is kept where scripts can read it', async () => {
    tab.begin(api.session());
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain('token');
    const reloaded = new Session();
    reloaded.open();
    expect(reloaded.state.who).toBe('unknown');
    await vi.waitFor(() => expect(reloaded.state).toMatchObject({ who: 'member', user: { username: 'anna' } }));
  });

  it('ends when the cookie is worth nothing any more', async () => {
    localStorage.setItem('grocery.session', 'in');
    tab.open();
    await vi.waitFor(() => expect(tab.state).toMatchObject({ who: 'guest', end: 'expired' }));
    expect(localStorage.getItem('grocery.session')).toBeNull();
  });

  it('is not given up while the shop is away', async () => {
    localStorage.setItem('grocery.session', 'in');
    api.cookie = true;
    api.down.add(REFRESH);
    tab.open();
    await expect(tab.token()).rejects.toBeInstanceOf(NetworkError);
    expect(tab.state.who).toBe('unknown');
    api.down.clear();
    window.dispatchEvent(new Event('online'));
    await vi.waitFor(() => expect(tab.state.who).toBe('member'));
  });

  it('renews its token once for everybody who asks', async () => {
    tab.begin({ ...api.session(), expires_in: 1 });
    const tokens = await Promise.all([tab.token(), tab.token(), tab.token()]);
    expect(new Set(tokens).size).toBe(1);
    expect(refreshes()).toBe(1);
  });

  it('begins, changes and ends in all tabs', async () => {
    const other = new Session();
    tab.begin(api.session());
    expect(other.state.user?.username).toBe('anna');
    expect(await other.token()).toBe(await tab.token());
    tab.change({ ...api.me, username: 'anna k' });
    expect(other.state.user?.username).toBe('anna k');
    await other.signOut();
    expect(tab.state).toMatchObject({ who: 'guest', end: 'signed-out' });
    expect(api.cookie).toBe(false);
  });

  it('takes the token that another tab has got while it waited', async () => {
    const other = new Session();
    const first = { ...api.session(), expires_in: 1 };
    tab.begin(first);
    // One lock for all tabs, as browsers have it.
    let held: Promise<unknown> = Promise.resolve();
    let busy = false;
    const request = async (_name: string, ...args: unknown[]) => {
      const work = args.at(-1) as (lock: object | null) => Promise<unknown>;
      if (args.length > 1 && busy) return work(null);
      const mine = held.then(async () => {
        busy = true;
        return work({});
      });
      busy = true;
      held = mine.catch(() => undefined).finally(() => (busy = false));
      return mine;
    };
    vi.stubGlobal('navigator', Object.assign(Object.create(navigator) as Navigator, { locks: { request } }));
    try {
      const [a, b] = await Promise.all([tab.token(), other.token()]);
      expect(a).toBe(b);
      expect(refreshes()).toBe(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('tells the shop about a sign-out when it can be reached again', async () => {
    tab.begin(api.session());
    api.down.add('POST /api/v1/auth/logout');
    await tab.signOut();
    expect(tab.state.who).toBe('guest');
    expect(api.cookie).toBe(true);
    api.down.clear();
    new Session().open();
    await vi.waitFor(() => expect(api.cookie).toBe(false));
    await vi.waitFor(() => expect(localStorage.getItem('grocery.session')).toBeNull());
  });

  it('of somebody who signs in during a renewal is theirs', async () => {
    tab.begin({ ...api.session(), expires_in: 1 });
    const renewal = tab.token();
    tab.begin({ ...api.session(), access_token: 'another' });
    expect(await renewal).toBe('another');
  });

  it('asks nothing for a guest', async () => {
    await expect(tab.token()).rejects.toMatchObject({ status: 401 });
    expect(api.calls).toEqual([]);
  });
});
