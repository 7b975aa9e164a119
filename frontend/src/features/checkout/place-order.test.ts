import { beforeEach, expect, it } from 'vitest';
import { session } from '@/lib/session';
import { ADDRESS, ShopAPI } from '@/testing/shop-api';
import { openAttempt, placeOrder } from './api/place-order';

const ORDER = 'POST /api/v1/orders';
let api: ShopAPI;
const body = (change = {}) => ({ address: ADDRESS, payment: { method: 'cash_on_delivery' as const }, basket_version: api.version, expected_total_cents: api.priced().total_cents, ...change });

beforeEach(() => {
  api = new ShopAPI();
  api.basket = [{ product_id: 2, quantity: 1 }];
  session.begin(api.session());
});

it('finds the order again whose answer got lost', async () => {
  api.lost.add(ORDER);
  const wish = body();
  await expect(placeOrder(1, wish)).rejects.toThrow('cannot reach');
  expect(openAttempt(1)).not.toBeNull();
  api.lost.clear();
  expect((await placeOrder(1, wish)).number).toBe('G-2026-000001');
  expect(api.orders).toHaveLength(1);
  expect(openAttempt(1)).toBeNull();
});

it('orders nothing more when the lost answer was a yes, whatever is wished now', async () => {
  api.lost.add(ORDER);
  await expect(placeOrder(1, body())).rejects.toThrow();
  api.lost.clear();
  api.basket = [{ product_id: 3, quantity: 1 }];
  const order = await placeOrder(1, body({ address: { ...ADDRESS, street: 'Another 2' } }));
  expect(order.items.map((i) => i.product_id)).toEqual([2]);
  expect(api.orders).toHaveLength(1);
});

it('goes on with what is wished now when the lost answer was a no', async () => {
  api.down.add(ORDER);
  await expect(placeOrder(1, body({ expected_total_cents: 1 }))).rejects.toThrow();
  api.down.clear();
  const order = await placeOrder(1, body());
  expect(order.total_cents).toBe(679);
});

it('uses a new key after a no', async () => {
  await expect(placeOrder(1, body({ payment: { method: 'card', card_token: 'test_declined' } }))).rejects.toMatchObject({ status: 402 });
  expect(openAttempt(1)).toBeNull();
});

it.each([503, 429, 401])('keeps the key after a %i', async (status) => {
  api.refuse.set(ORDER, [status, { error: 'x' }]);
  await expect(placeOrder(1, body())).rejects.toMatchObject({ status });
  expect(openAttempt(1)?.key).toMatch(/^[0-9a-f]{32}$/);
});

it('is nobody else’s business', async () => {
  api.down.add(ORDER);
  await expect(placeOrder(1, body())).rejects.toThrow();
  expect(openAttempt(2)).toBeNull();
});
