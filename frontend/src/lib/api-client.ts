import { BACKEND } from '@/config/runtime';
import type { paths } from './api-schema';
import { session } from './session';

const TIMEOUT_MS = 20_000;

/** The API answered, and the answer is no. The message is written for the shopper. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The API could not be reached or did not answer in time. Whether it acted is unknown. */
export class NetworkError extends Error {
  override name = 'NetworkError';
  constructor(cause?: unknown) {
    super('We cannot reach the shop at the moment. Check your connection and try again.', { cause });
  }
}

type Method = 'get' | 'post' | 'put' | 'delete';
type JSONOf<T> = T extends { content: { 'application/json': infer Body } } ? Body : never;
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;

/** What the API answers to a call that succeeded, as its description says. */
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? { [Status in keyof R]: Status extends 200 | 201 ? JSONOf<R[Status]> : never }[keyof R] : never;

/** What a call sends, as the API's description says. */
export type Body<P extends keyof paths, M extends Method> = Operation<P, M> extends { requestBody: infer R } ? JSONOf<R> : undefined;

interface Call<P extends keyof paths, M extends Method> {
  body?: Body<P, M>;
  signal?: AbortSignal;
  /** Sends who is signed in. An answer that refuses the token ends the session. */
  auth?: boolean;
}

/** Calls the API and returns the JSON of its answer. Throws ApiError or NetworkError. */
export async function call<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  { body, signal, auth = false }: Call<P, M> = {},
): Promise<Answer<P, M>> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const token = auth ? session.token : null;
  if (auth && token === null) throw new ApiError(401, 'Please sign in to go on.');
  if (token !== null) headers.Authorization = `Bearer ${token}`;

  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(BACKEND + path, {
      method: method.toUpperCase(),
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    answer = parse(await response.text());
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new NetworkError(cause);
  }

  if (!response.ok) {
    // Refusals of the token itself carry `msg`; everything else carries `error` or `message`.
    if (token !== null && refusesToken(response.status, answer)) session.finish('expired', token);
    throw new ApiError(response.status, messageOf(answer) ?? general(response.status));
  }
  if (answer === undefined) throw new ApiError(502, general(502));
  return answer as Answer<P, M>;
}

/** What to tell the shopper about any failure. */
export function messageFor(error: unknown): string {
  return error instanceof ApiError || error instanceof NetworkError ? error.message : general(500);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { error, message, msg } = answer as Record<string, unknown>;
  return [error, message, msg].find((m): m is string => typeof m === 'string' && m !== '');
}

function refusesToken(status: number, answer: unknown): boolean {
  return status === 401 || (status === 422 && typeof answer === 'object' && answer !== null && 'msg' in answer);
}

function general(status: number): string {
  if (status === 429) return 'That was a little fast for us. Wait a moment and try again.';
  if (status >= 500) return 'The shop has a problem at the moment. Try again in a minute.';
  return 'That did not work. Load the page again and try once more.';
}
