import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import { server } from '@/testing/server';
import { ApiError, call, messageFor, NetworkError } from './api-client';
import { session } from './session';

const answer = (response: () => Response) => server.use(http.get('/api/me/info', response));
const failure = (auth = false) => call('get', '/api/me/info', { auth }).then(
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

describe('the session', () => {
  it.each([
    [401, { msg: 'Token has expired' }, true],
    [422, { msg: 'Not enough segments' }, true],
    [422, { error: 'rating' }, false],
    [403, { error: 'no' }, false],
    [503, { error: 'away' }, false],
  ])('answered with %i %j ends: %s', async (status, body, ends) => {
    session.begin('a.b.c');
    answer(() => HttpResponse.json(body, { status }));
    await failure(true);
    expect(session.token).toBe(ends ? null : 'a.b.c');
  });

  it('of somebody who signed in meanwhile stays', async () => {
    session.begin('old');
    answer(() => {
      session.begin('new');
      return HttpResponse.json({ msg: 'expired' }, { status: 401 });
    });
    await failure(true);
    expect(session.token).toBe('new');
  });

  it('is not asked for by sending nonsense: without a token nothing is sent', async () => {
    const error = await failure(true);
    expect(error).toMatchObject({ status: 401 });
  });

  it('follows the other tabs', () => {
    session.begin('a.b.c');
    localStorage.removeItem('grocery.token');
    window.dispatchEvent(new StorageEvent('storage', { key: 'grocery.token' }));
    expect(session.token).toBeNull();
  });
});
