import { call } from '@/lib/api-client';
import type { Line } from '../lines';

/** The stored basket of who is signed in. */
export async function getBasket(): Promise<Line[]> {
  const lines = await call('get', '/api/me/basket', { auth: true });
  return lines.map(({ product_id, quantity }) => ({ product_id, quantity }));
}
