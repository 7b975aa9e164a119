import { http, HttpResponse } from 'msw';
import { afterEach, describe, expect, it } from 'vitest';
import { server } from '@/testing/server';
import { NetworkError, send } from './http';

const ADDRESS = '/api/v1/products/12';
const get = (init: RequestInit = {}) => send(ADDRESS, { method: 'GET', headers: { Accept: 'application/json' }, ...init });

/** The shop answers `late` to whatever the page asks itself. */
function shop(): { calls: number } {
  const seen = { calls: 0 };
  server.use(
    http.all(ADDRESS, () => {
      seen.calls++;
      return HttpResponse.json('late');
    }),
  );
  return seen;
}

describe('what was asked for before the page’s code came', () => {
  const early = (answer: Promise<Response>, url = ADDRESS) => {
    answer.catch(() => undefined);
    window.__GROCERY_EARLY__ = { url, answer };
  };
  afterEach(() => delete window.__GROCERY_EARLY__);

  it('is not asked for a second time, and is good once', async () => {
    const seen = shop();
    early(Promise.resolve(Response.json('early', { status: 203 })));
    expect(await get()).toMatchObject({ status: 203, data: 'early' });
    expect(seen.calls).toBe(0);
    expect((await get()).data).toBe('late');
    expect(seen.calls).toBe(1);
  });

  it('is asked for again when it did not arrive', async () => {
    shop();
    early(Promise.reject(new TypeError('Failed to fetch')));
    expect((await get()).data).toBe('late');
  });

  it.each([
    ['another address', () => early(Promise.resolve(Response.json('early')), '/api/v1/products/13'), {}],
    ['another method', () => early(Promise.resolve(Response.json('early'))), { method: 'PUT' }],
    ['somebody who is signed in', () => early(Promise.resolve(Response.json('early'))), { headers: { Authorization: 'Bearer x' } }],
  ])('is not for %s', async (_, prepare, init) => {
    shop();
    prepare();
    expect((await get(init)).data).toBe('late');
    expect(window.__GROCERY_EARLY__).toBeDefined();
  });

  it('is of no interest to somebody who has left', async () => {
    shop();
    const leaving = new AbortController();
    early(Promise.resolve(Response.json('early')));
    const reply = get({ signal: leaving.signal });
    leaving.abort();
    await expect(reply).rejects.toHaveProperty('name', 'AbortError');
  });
});

it.each(['before', 'while'])('a request that is given up %s it is on its way is no trouble of the network', async (when) => {
  server.use(http.get(ADDRESS, () => new Promise<Response>(() => undefined)));
  const leaving = new AbortController();
  if (when === 'before') leaving.abort();
  const reply = get({ signal: leaving.signal });
  leaving.abort();
  const error: unknown = await reply.catch((e: unknown) => e);
  expect(error).toHaveProperty('name', 'AbortError');
  expect(error).not.toBeInstanceOf(NetworkError);
});
