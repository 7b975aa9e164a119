import { call } from '@/lib/api-client';
import { ApiError, isPassing } from '@/lib/http';
import type { Order, OrderRequest } from '@/lib/shop-types';
import { windowStorage } from '@/lib/storage';

const KEY = 'grocery.checkout.attempt';

/** An order that was sent and whose answer is not known. */
interface Attempt {
  user: number;
  key: string;
  body: OrderRequest;
}

/**
 * Places an order, once.
 *
 * Each order is sent with a key that stays until the shop has answered it with yes or no, through broken connections,
 * further presses of the button and reloads of the page: the shop knows the key and answers a repeat with the order it
 * made the first time. When something else is to be ordered while an answer is missing, that answer is fetched first,
 * and if it is a yes, nothing more is ordered.
 */
export async function placeOrder(user: number, body: OrderRequest): Promise<Order> {
  const before = openAttempt(user);
  if (before && JSON.stringify(before.body) !== JSON.stringify(body)) {
    try {
      return await send(before);
    } catch (error) {
      if (openAttempt(user)) throw error;
    }
  }
  const attempt = openAttempt(user) ?? { user, key: newKey(), body };
  windowStorage.set(KEY, JSON.stringify(attempt));
  return send(attempt);
}

/** Whether an order was sent and never answered; then placeOrder finds out what became of it. */
export function openAttempt(user: number): Attempt | null {
  try {
    const attempt = JSON.parse(windowStorage.get(KEY) ?? 'null') as Attempt | null;
    return attempt?.user === user && typeof attempt.key === 'string' ? attempt : null;
  } catch {
    return null;
  }
}

/** Asks what became of an order that was never answered. */
export function resumeAttempt(attempt: Attempt): Promise<Order> {
  return send(attempt);
}

async function send({ key, body }: Attempt): Promise<Order> {
  try {
    const order = await call('post', '/api/v1/orders', { auth: true, headers: { 'Idempotency-Key': key }, body });
    windowStorage.set(KEY, null);
    return order;
  } catch (error) {
    // A no is an answer too. Being away, being throttled or signed out is none.
    if (!isPassing(error) && error instanceof ApiError && error.status !== 429 && error.status !== 401) windowStorage.set(KEY, null);
    throw error;
  }
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}
