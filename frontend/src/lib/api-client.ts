import { BACKEND } from '@/config/runtime';
import type { paths } from './api-schema';
import { ApiError, general, refusal, send, type Reply } from './http';
import { session } from './session';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type JSONOf<T> = T extends { content: { 'application/json': infer Body } } ? Body : never;
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Part<O, Name extends string> = O extends { parameters: infer R } ? (Name extends keyof R ? NonNullable<R[Name]> : never) : never;
type Success<R> = { [Status in keyof R]: Status extends 200 | 201 | 202 ? JSONOf<R[Status]> : never }[keyof R];

/** What the API answers to a call that succeeded, as its description says; undefined where it answers nothing. */
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? ([Success<R>] extends [never] ? undefined : Success<R>) : never;

/** What a call sends, as the API's description says. */
export type Body<P extends keyof paths, M extends Method> = Operation<P, M> extends { requestBody: infer R } ? JSONOf<R> : undefined;

export interface Call<P extends keyof paths, M extends Method> {
  path?: Part<Operation<P, M>, 'path'>;
  query?: Part<Operation<P, M>, 'query'>;
  body?: Body<P, M> | FormData;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /**
   * Sends who is signed in; `optional` sends it when somebody is. A token that has run out is renewed, once. `at-hand` is
   * for what is the same for everybody: it sends a token that is good and waits for none, so that what has just been
   * written is seen.
   */
  auth?: boolean | 'optional' | 'at-hand';
}

/** Calls the API and returns the JSON of its answer. Throws ApiError or NetworkError. */
export async function call<P extends keyof paths, M extends Method>(method: M, path: P, options: Call<P, M> = {}): Promise<Answer<P, M>> {
  const { body, query, signal, auth = false } = options;
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (body !== undefined && !(body instanceof FormData)) headers['Content-Type'] = 'application/json';
  const url = BACKEND + filled(path, options.path) + asked(query);
  const ask = (token: string | null): Promise<Reply> =>
    send(url, {
      method: method.toUpperCase(),
      headers: token === null ? headers : { ...headers, Authorization: `Bearer ${token}` },
      body: body === undefined ? undefined : body instanceof FormData ? body : JSON.stringify(body),
      signal,
      // Cookies are for what begins and renews sessions; sending them with every read would only keep it from caches.
      credentials: auth === true || path.startsWith('/api/v1/auth/') ? 'include' : 'same-origin',
    });

  const asking = auth === true || (auth === 'optional' && session.state.who !== 'guest');
  const token = asking ? await session.token() : auth === 'at-hand' ? session.atHand() : null;
  let reply = await ask(token);
  if (token !== null && refusesToken(reply)) reply = await ask(await session.replace(token));
  if (token !== null && refusesToken(reply)) session.ended('expired');
  if (reply.status < 200 || reply.status > 299) throw refusal(reply);
  if (reply.data === undefined && reply.status !== 204) throw new ApiError(502, general(502));
  return reply.data as Answer<P, M>;
}

/** The address of a picture of the API, such as an avatar, for an `<img>`. */
export function pictureURL(url: string): string {
  return url.startsWith('/api/') ? BACKEND + url : url;
}

function filled(path: string, values: Record<string, string | number> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
}

function asked(query: Record<string, unknown> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== '') params.append(name, String(one));
  }
  return params.size > 0 ? `?${params}` : '';
}

/**
 * Whether the shop refuses the token itself. That is said with `msg`, besides the sentence for the shopper; a wrong
 * password is a 401 too, but without.
 */
function refusesToken({ status, data }: Reply): boolean {
  return (status === 401 || status === 422) && typeof data === 'object' && data !== null && 'msg' in data;
}
