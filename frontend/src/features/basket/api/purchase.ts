import { call } from '@/lib/api-client';

/** Buys what is in the stored basket and empties it. Returns the shop's message. */
export async function purchase(productIds: number[]): Promise<string> {
  const { message } = await call('post', '/api/me/purchase', {
    auth: true,
    body: { purchased_products: productIds },
  });
  return message;
}
