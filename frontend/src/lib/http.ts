const TIMEOUT_MS = 20_000;

/** The API answered, and the answer is no. The message is written for the shopper, the code for the page. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    readonly status: number,
    message: string,
    readonly code = '',
    /** The whole answer, for refusals that say more. */
    readonly answer: Record<string, unknown> = {},
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

export interface Reply {
  status: number;
  headers: Headers;
  /** The answer as JSON; undefined when it is none. */
  data: unknown;
}

/** Sends a request and reads the answer, whatever it says. Throws NetworkError, or what aborted the signal. */
export async function send(url: string, init: RequestInit & { method: string }): Promise<Reply> {
  const { signal } = init;
  const ask = () => fetch(url, { ...init, signal: within(TIMEOUT_MS, signal) });
  try {
    const response = await (early(url, init)?.catch(ask) ?? ask());
    signal?.throwIfAborted();
    return { status: response.status, headers: response.headers, data: parse(await response.text()) };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new NetworkError(cause);
  }
}

/** The answer that public/early.js has asked for already. It is good once, and only for who asks as it did: as nobody. */
function early(url: string, { method, headers }: RequestInit): Promise<Response> | undefined {
  const asked = window.__GROCERY_EARLY__;
  if (asked?.url !== url || method !== 'GET' || new Headers(headers).has('Authorization')) return undefined;
  delete window.__GROCERY_EARLY__;
  return asked.answer;
}

/** Aborts after so long, and with another signal. AbortSignal.any would do, but Safari has it only since 17.4. */
function within(ms: number, other: AbortSignal | null | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  if (!other) return timeout;
  if (other.aborted) return other;
  const both = new AbortController();
  for (const signal of [other, timeout]) signal.addEventListener('abort', () => both.abort(signal.reason), { once: true });
  return both.signal;
}

/** What an answer that is no success says. */
export function refusal({ status, data }: Reply): ApiError {
  const answer = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  const message = [answer.error, answer.message, answer.msg].find((m): m is string => typeof m === 'string' && m !== '');
  return new ApiError(status, message ?? general(status), typeof answer.code === 'string' ? answer.code : '', answer);
}

/** What to tell the shopper about any failure. */
export function messageFor(error: unknown): string {
  return error instanceof ApiError || error instanceof NetworkError ? error.message : general(500);
}

/** Whether asking again later may help: the shop was away, or had a problem of its own. */
export function isPassing(error: unknown): boolean {
  return error instanceof NetworkError || (error instanceof ApiError && error.status >= 500);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function general(status: number): string {
  if (status === 429) return 'That was a little fast for us. Wait a moment and try again.';
  if (status >= 500) return 'The shop has a problem at the moment. Try again in a minute.';
  return 'That did not work. Load the page again and try once more.';
}
