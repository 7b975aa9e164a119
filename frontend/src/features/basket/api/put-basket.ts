import { call } from '@/lib/api-client';
import type { Line } from '../lines';

/**
 * Stores the lines INSTEAD of the basket that was there: only ever call it with lines that were made from a basket that
 * has been read.
 */
export async function putBasket(lines: Line[]): Promise<void> {
  await call('post', '/api/me/basket', { auth: true, body: lines });
}
