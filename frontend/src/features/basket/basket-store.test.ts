import { beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '@/lib/session';
import { storage } from '@/lib/storage';
import { ShopAPI } from '@/testing/shop-api';
import { BasketStore } from './basket-store';

const READ = 'GET /api/v1/me/basket';
const WRITE = 'PUT /api/v1/me/basket/items/{id}';
const MERGE = 'POST /api/v1/me/basket/merge';
const GUEST = '[{"product_id":2,"quantity":2}]';
const line = (product_id: number, quantity: number) => ({ product_id, quantity });

describe('the basket of who is signed in', () => {
  let api: ShopAPI;
  let store: BasketStore;

  beforeEach(() => {
    api = new ShopAPI();
    store = new BasketStore();
    session.begin(api.session());
    api.basket = [line(1, 1)];
  });

  it('shows a change at once and leaves out what was wished over', async () => {
    await store.openAccount();
    const all = [2, 3, 4, 5].map((q) => store.set(2, q));
    expect(store.state.lines).toContainEqual(line(2, 5));
    expect(store.state.saving).toBe(true);
    await Promise.all(all);
    expect(api.basket).toEqual([line(1, 1), line(2, 5)]);
    expect(api.writes.length).toBeLessThan(3);
    expect(store.state.saving).toBe(false);
  });

  it('takes a change back that the shop refuses', async () => {
    await store.openAccount();
    api.refuse.set(WRITE, [400, { error: 'No such product.' }]);
    await store.set(2, 1);
    expect(store.state).toMatchObject({ lines: [line(1, 1)], problem: 'No such product.' });
  });

  it('reads again before it writes after a broken connection', async () => {
    await store.openAccount();
    api.down.add(WRITE);
    await store.set(2, 1);
    expect(store.state.lines).toEqual([line(1, 1)]);

    api.down.clear();
    api.basket = [line(3, 7)]; // from another device
    await store.set(2, 1);
    expect(api.basket).toEqual([line(3, 7), line(2, 1)]);
  });

  it('keeps wishes made while it is being read', async () => {
    const opening = store.openAccount();
    const wish = store.set(2, 4);
    await Promise.all([opening, wish]);
    expect(api.basket).toEqual([line(1, 1), line(2, 4)]);
  });

  it('puts a change upon what another device did to other goods', async () => {
    await store.openAccount();
    api.basket = [line(1, 1), line(3, 2)];
    api.version++;
    await store.set(2, 1);
    expect(api.basket).toEqual([line(1, 1), line(3, 2), line(2, 1)]);
    expect(store.state).toMatchObject({ problem: null, lines: api.basket });
  });

  it('takes a change back when another device has changed the same product, and says so', async () => {
    await store.openAccount();
    api.basket = [line(1, 9)];
    api.version++;
    await store.set(1, 2);
    expect(api.basket).toEqual([line(1, 9)]);
    expect(store.state.lines).toEqual([line(1, 9)]);
    expect(store.state.problem).toMatch(/changed in another place/);
  });

  it.each([
    ['the connection breaks', () => api.down.add(READ)],
    ['the shop has a problem', () => api.refuse.set(READ, [503, { error: 'away' }])],
    ['the shop answers nonsense', () => api.refuse.set(READ, [200, { not: 'a basket' }])],
  ])('is never written when %s at the read', async (_, fail) => {
    fail();
    await store.openAccount();
    expect(store.state.status).toBe('failed');
    await store.set(2, 1);
    await store.reload();
    expect(api.writes).toEqual([]);
    expect(api.basket).toEqual([line(1, 1)]);
  });

  it.each([
    ['less than is stored', 1, 5],
    ['more than is stored', 7, 7],
  ])('keeps the larger quantity when %s was wished before it was known', async (_, wished, kept) => {
    api.basket = [line(1, 5)];
    const opening = store.openAccount();
    await Promise.all([opening, store.set(1, wished)]);
    expect(api.basket).toEqual([line(1, kept)]);
    expect(store.state).toMatchObject({ problem: null, lines: [line(1, kept)] });
  });

  it('keeps the larger quantity when something was wished after a read had failed', async () => {
    api.basket = [line(1, 5)];
    api.down.add(READ);
    await store.openAccount();
    api.down.clear();
    await store.set(1, 1);
    expect(store.state).toMatchObject({ problem: null, lines: [line(1, 5)] });
    expect(api.writes).toEqual([]);
  });

  it('takes a change back that was wished while it was read again and turned out to be another', async () => {
    await store.openAccount();
    api.basket = [line(1, 5)];
    api.version++;
    const back = store.reload();
    await Promise.all([back, store.set(1, 2)]);
    expect(api.basket).toEqual([line(1, 5)]);
    expect(store.state.lines).toEqual([line(1, 5)]);
    expect(store.state.problem).toMatch(/changed in another place/);
  });

  it('goes on with the other wishes when one is refused, and still says why', async () => {
    await store.openAccount();
    await Promise.all([store.set(99, 1), store.set(2, 1), store.set(3, 1)]);
    expect(api.basket).toEqual([line(1, 1), line(2, 1), line(3, 1)]);
    expect(store.state).toMatchObject({ problem: 'Product not found', lines: api.basket });
  });

  it.each([429, 503])('lets all wishes go after a %i, which would meet each of them', async (status) => {
    await store.openAccount();
    api.refuse.set(WRITE, [status, { error: 'Not now.' }]);
    await Promise.all([store.set(2, 1), store.set(3, 1)]);
    expect(api.calls.filter((c) => c === WRITE)).toHaveLength(1);
    expect(store.state).toMatchObject({ problem: 'Not now.', lines: [line(1, 1)] });
  });

  it('knows a change again that arrived although it was answered with a failure', async () => {
    await store.openAccount();
    api.refuse.set(WRITE, [502, { error: 'Bad Gateway' }]);
    await store.set(2, 1);
    api.refuse.clear();
    api.basket = [line(1, 1), line(2, 1)];
    api.version++;
    await store.set(2, 1);
    expect(store.state).toMatchObject({ problem: null, lines: [line(1, 1), line(2, 1)] });
    expect(api.writes).toEqual([]);
  });

  it('says nothing when a read in the background fails, and is certain again after the next', async () => {
    await store.openAccount();
    api.down.add(READ);
    await store.reload();
    expect(store.state).toMatchObject({ status: 'ready', problem: null, lines: [line(1, 1)] });
    await expect(store.confirm()).rejects.toThrow('cannot reach');
    api.down.clear();
    await store.confirm();
    expect(api.calls.filter((c) => c === READ)).toHaveLength(4);
  });

  it('forgets what was wrong as soon as it could be read', async () => {
    await store.openAccount();
    api.down.add(WRITE);
    await store.set(2, 1);
    expect(store.state.problem).not.toBeNull();
    await store.confirm();
    expect(store.state).toMatchObject({ problem: null, lines: [line(1, 1)] });
  });

  it('names the guest’s goods that could not be put in', async () => {
    localStorage.setItem('grocery.basket', '[{"product_id":2,"quantity":2},{"product_id":3,"quantity":1},{"product_id":99,"quantity":1}]');
    await store.openGuest();
    api.products.splice(1, 1);
    await store.openAccount();
    expect(store.state.lines).toEqual([line(1, 1), line(3, 1)]);
    expect(store.state.problem).toBe('Not in your basket, because we could not put it in: Bananas, one product that we no longer have.');
  });

  it('has the guest’s goods in it, and the browser forgets them', async () => {
    localStorage.setItem('grocery.basket', GUEST);
    await store.openAccount();
    expect(store.state.lines).toEqual([line(1, 1), line(2, 2)]);
    expect(localStorage.getItem('grocery.basket')).toBeNull();
  });

  it('brings the guest’s goods in later when the first try fails', async () => {
    localStorage.setItem('grocery.basket', GUEST);
    api.down.add(MERGE);
    await store.openAccount();
    expect(store.state.status).toBe('failed');
    expect(localStorage.getItem('grocery.basket')).not.toBeNull();
    api.down.clear();
    await store.reload();
    expect(api.basket).toEqual([line(1, 1), line(2, 2)]);
    expect(localStorage.getItem('grocery.basket')).toBeNull();
  });

  it('doubles nothing when the answer to the merge got lost', async () => {
    localStorage.setItem('grocery.basket', GUEST);
    api.lost.add(MERGE);
    await store.openAccount();
    api.lost.clear();
    await store.reload();
    expect(api.basket).toEqual([line(1, 1), line(2, 2)]);
  });

  it('keeps the guest’s goods in the browser when the shop refuses them', async () => {
    localStorage.setItem('grocery.basket', GUEST);
    api.refuse.set(MERGE, [400, { error: 'No.' }]);
    await store.openAccount();
    expect(store.state).toMatchObject({ status: 'ready', lines: [line(1, 1)] });
    expect(localStorage.getItem('grocery.basket')).toBe(GUEST);
  });

  it('does not reach into the next person’s', async () => {
    const opening = store.openAccount();
    void store.openGuest();
    await opening;
    await store.set(3, 1);
    expect(store.state.lines).toEqual([line(3, 1)]);
    expect(api.writes).toEqual([]);
  });
});

describe('a guest’s basket', () => {
  it('is priced by the shop, and goods that it no longer has are told', async () => {
    new ShopAPI();
    localStorage.setItem('grocery.basket', '[{"product_id":2,"quantity":2},{"product_id":99,"quantity":1}]');
    const store = new BasketStore();
    await store.openGuest();
    expect(store.state.products.get(2)?.price_cents).toBe(179);
    expect(store.state.products.get(99)).toBeNull();
  });

  it('stays when it cannot be priced', async () => {
    const api = new ShopAPI();
    api.down.add('POST /api/v1/basket/quote');
    localStorage.setItem('grocery.basket', GUEST);
    const store = new BasketStore();
    await store.openGuest();
    expect(store.state).toMatchObject({ status: 'failed', lines: [line(2, 2)] });
    expect(localStorage.getItem('grocery.basket')).toBe(GUEST);
    api.down.clear();
    await store.reload();
    expect(store.state.status).toBe('ready');
  });

  it('asks for its prices again by itself', async () => {
    const api = new ShopAPI();
    api.down.add('POST /api/v1/basket/quote');
    localStorage.setItem('grocery.basket', GUEST);
    const store = new BasketStore();
    await store.openGuest();
    expect(store.state.status).toBe('failed');
    api.down.clear();
    await vi.waitFor(() => expect(store.state).toMatchObject({ status: 'ready', problem: null }), { timeout: 20_000 });
  });

  it('outlives a return to the window where the browser keeps nothing', async () => {
    new ShopAPI();
    for (const method of ['getItem', 'setItem', 'removeItem'] as const) {
      vi.spyOn(Storage.prototype, method).mockImplementation(() => {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      });
    }
    const store = new BasketStore();
    await store.openGuest();
    await store.set(2, 2);
    await store.reload();
    expect(store.state.lines).toEqual([line(2, 2)]);
    storage.set('grocery.basket', null);
  });
});
