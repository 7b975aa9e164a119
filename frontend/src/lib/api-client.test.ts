import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import { server } from '@/testing/server';
import { ShopAPI } from '@/testing/shop-api';
import { call } from './api-client';
import { ApiError, messageFor, NetworkError } from './http';
import { session } from './session';

const answer = (response: () => Response) => server.use(http.get('/api/v1/categories', response));
const failure = () =>
  call('get', '/api/v1/categories').then(
    () => undefined,
    (e: unknown) => e,
  );

describe('a refusal is told in the shop’s words', () => {
  it.each([
    [{ error: 'a' }, 400, 'a'],
    [{ message: 'b' }, 409, 'b'],
    [{ msg: 'c' }, 401, 'c'],
  ])('%j', async (body, status, message) => {
    answer(() => HttpResponse.json(body, { status }));
    const error = await failure();
    expect(error).toBeInstanceOf(ApiError);
    expect(messageFor(error)).toBe(message);
  });

  it.each([
    ['an HTML page of a proxy', 502, '<h1>Bad Gateway</h1>', 'The shop has a problem'],
    ['a throttle without words', 429, '', 'a little fast'],
    ['an unexpected shape', 400, '{"error":{"code":1}}', 'did not work'],
    ['a page where JSON should be', 200, '<!doctype html>', 'The shop has a problem'],
  ])('or in ours: %s', async (_, status, body, message) => {
    answer(() => new HttpResponse(body, { status }));
    const text = messageFor(await failure());
    expect(text).toContain(message);
    expect(text).not.toContain('<');
  });
});

it('tells a broken connection from a refusal', async () => {
  answer(() => HttpResponse.error());
  expect(await failure()).toBeInstanceOf(NetworkError);
});

it.each([
  ['a guest', undefined, null],
  ['somebody with a good token', 900, 'Bearer at-hand'],
  ['somebody whose token is about to run out', 5, null],
])('sends what is at hand, and waits for nothing: %s', async (_, seconds, sent) => {
  const api = new ShopAPI();
  if (seconds !== undefined) session.begin({ ...api.session(), access_token: 'at-hand', expires_in: seconds });
  let authorization: string | null = '';
  server.use(
    http.get('/api/v1/categories', ({ request }) => {
      authorization = request.headers.get('Authorization');
      return HttpResponse.json({ items: [] });
    }),
  );
  await call('get', '/api/v1/categories', { auth: 'at-hand' });
  expect(authorization).toBe(sent);
  expect(api.calls).toEqual([]);
});

describe('a token that the shop refuses', () => {
  const stale = (api: ShopAPI) => session.begin({ ...api.session(), access_token: 'stale' });

  it('is renewed once, and the call repeated', async () => {
    const api = new ShopAPI();
    stale(api);
    const me = await call('get', '/api/v1/me', { auth: true });
    expect(me.username).toBe('anna');
    expect(api.calls).toEqual(['GET /api/v1/me', 'POST /api/v1/auth/refresh', 'GET /api/v1/me']);
  });

  it('ends the session when there is no other', async () => {
    const api = new ShopAPI();
    stale(api);
    api.cookie = false;
    await expect(call('get', '/api/v1/me', { auth: true })).rejects.toBeInstanceOf(ApiError);
    expect(session.state).toMatchObject({ who: 'guest', end: 'expired' });
  });

  it('ends the session when the next one is refused as well', async () => {
    const api = new ShopAPI();
    session.begin(api.session());
    api.refuse.set('GET /api/v1/me', [401, { error: 'no', msg: 'no', code: 'token_revoked' }]);
    await expect(call('get', '/api/v1/me', { auth: true })).rejects.toMatchObject({ status: 401 });
    expect(api.calls.filter((c) => c === 'GET /api/v1/me')).toHaveLength(2);
    expect(session.state.end).toBe('expired');
  });

  it('keeps the session while the shop is away', async () => {
    const api = new ShopAPI();
    stale(api);
    api.down.add('POST /api/v1/auth/refresh');
    await expect(call('get', '/api/v1/me', { auth: true })).rejects.toBeInstanceOf(NetworkError);
    expect(session.state.who).toBe('member');
  });
});

it.each([
  [401, { error: 'The password is wrong.' }],
  [403, { error: 'no' }],
  [503, { error: 'away' }],
])('a %i that is not about the token ends nothing', async (status, body) => {
  const api = new ShopAPI();
  session.begin(api.session());
  api.refuse.set('GET /api/v1/me', [status, body]);
  await expect(call('get', '/api/v1/me', { auth: true })).rejects.toMatchObject({ status });
  expect(session.state.who).toBe('member');
});
