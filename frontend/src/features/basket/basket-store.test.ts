import { beforeEach, describe, expect, it } from 'vitest';
import { session } from '@/lib/session';
import { ShopAPI, tokenOf } from '@/testing/shop-api';
import { BasketStore } from './basket-store';

const READ = 'GET /api/me/basket';
const WRITE = 'POST /api/me/basket';

describe('the basket of who is signed in', () => {
  let api: ShopAPI;
  let store: BasketStore;

  beforeEach(() => {
    api = new ShopAPI();
    store = new BasketStore();
    session.begin(tokenOf('anna@example.com'));
    api.basket = [{ product_id: 1, quantity: 1 }];
  });

  it('shows a change at once and sends changes made meanwhile together', async () => {
    await store.openAccount();
    const all = [2, 3, 4, 5].map((q) => store.set(2, q));
    expect(store.state.lines).toContainEqual({ product_id: 2, quantity: 5 });
    expect(store.state.saving).toBe(true);
    await Promise.all(all);
    expect(api.basket).toEqual([
      { product_id: 1, quantity: 1 },
      { product_id: 2, quantity: 5 },
    ]);
    expect(api.writes.length).toBeLessThan(3);
    expect(store.state.saving).toBe(false);
  });

  it('takes a change back that the shop refuses', async () => {
    await store.openAccount();
    api.refuse.set(WRITE, [400, { error: 'No such product.' }]);
    await store.set(2, 1);
    expect(store.state).toMatchObject({ lines: [{ product_id: 1, quantity: 1 }], problem: 'No such product.' });
  });

  it('reads again before it writes after a broken connection', async () => {
    await store.openAccount();
    api.down.add(WRITE);
    await store.set(2, 1);
    expect(store.state.lines).toEqual([{ product_id: 1, quantity: 1 }]);

    api.down.clear();
    api.basket = [{ product_id: 3, quantity: 7 }]; // from another device
    await store.set(2, 1);
    expect(api.basket).toEqual([
      { product_id: 3, quantity: 7 },
      { product_id: 2, quantity: 1 },
    ]);
  });

  it('keeps wishes made while it is being read', async () => {
    const opening = store.openAccount();
    const wish = store.set(2, 4);
    await Promise.all([opening, wish]);
    expect(api.basket).toEqual([
      { product_id: 1, quantity: 1 },
      { product_id: 2, quantity: 4 },
    ]);
  });

  it.each([
    ['the connection breaks', () => api.down.add(READ)],
    ['the shop has a problem', () => api.refuse.set(READ, [503, { error: 'away' }])],
    ['the shop answers nonsense', () => api.refuse.set(READ, [200, { not: 'a list' }])],
  ])('is never written when %s at the read', async (_, fail) => {
    fail();
    await store.openAccount();
    expect(store.state.status).toBe('failed');
    await store.set(2, 1);
    await store.reload();
    expect(api.writes).toEqual([]);
    expect(api.basket).toEqual([{ product_id: 1, quantity: 1 }]);
  });

  it('brings the guest’s goods in later when the first read fails', async () => {
    localStorage.setItem('grocery.basket', '[{"product_id":2,"quantity":2}]');
    api.down.add(READ);
    await store.openAccount();
    expect(localStorage.getItem('grocery.basket')).not.toBeNull();
    api.down.clear();
    await store.reload();
    expect(api.basket).toEqual([
      { product_id: 1, quantity: 1 },
      { product_id: 2, quantity: 2 },
    ]);
    expect(localStorage.getItem('grocery.basket')).toBeNull();
  });

  it('keeps the guest’s goods in the browser when the shop refuses them', async () => {
    localStorage.setItem('grocery.basket', '[{"product_id":2,"quantity":2}]');
    api.refuse.set(WRITE, [400, { error: 'No.' }]);
    await store.openAccount();
    expect(store.state).toMatchObject({ status: 'ready', lines: [{ product_id: 1, quantity: 1 }] });
    expect(localStorage.getItem('grocery.basket')).toBe('[{"product_id":2,"quantity":2}]');
  });

  it('does not reach into the next person’s', async () => {
    const opening = store.openAccount();
    store.openGuest();
    await opening;
    await store.set(3, 1);
    expect(store.state.lines).toEqual([{ product_id: 3, quantity: 1 }]);
    expect(api.writes).toEqual([]);
  });
});
