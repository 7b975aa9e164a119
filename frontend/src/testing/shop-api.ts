import { http, HttpResponse, type JsonBodyType } from 'msw';
import { DELIVERY_FEE, FREE_DELIVERY_FROM } from '@/config/shop';
import type { Basket, Line, Me, Order, OrderRequest, Product, Review } from '@/lib/shop-types';
import { server } from './server';

const row = (id: number, name: string, category: string, price_cents: number, more: Partial<Product> = {}): Product => ({
  id,
  name,
  category,
  price_cents,
  description: `${name}, carefully chosen.`,
  pack: '500 g',
  image_url: `/products/${id}.webp`,
  is_alcohol: false,
  stock: 500,
  rating: { average: null, count: 0 },
  ...more,
});

export const PRODUCTS: Product[] = [
  row(1, 'Red Apples', 'Fruit', 249),
  row(2, 'Bananas', 'Fruit', 179, { rating: { average: 4, count: 1 } }),
  row(3, 'Vine Tomatoes', 'Vegetables', 229),
  row(4, 'Tomato Ketchup', 'Pantry', 10),
  row(5, 'Crème fraîche', 'Dairy', 119, { stock: 2 }),
  row(6, 'Natural Yogurt', 'Dairy', 20),
  row(7, 'Riesling', 'Wine', 799, { is_alcohol: true, pack: '0.75 l' }),
];

export const ANNA: Me = { id: 1, username: 'anna', email: 'anna@example.com', avatar_url: '/api/me/avatar/default.png', is_adult: false, age: 'unknown', created_at: '2026-01-02T10:00:00Z' };
export const ADDRESS = { name: 'Anna Muster', street: 'Elbstr. 1', postal_code: '20457', city: 'Hamburg', country: 'DE' };

interface Request {
  path: Record<string, string>;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

/**
 * The shop's API over a little state of its own, with the answers of the real one. What a test changes in it (`down`,
 * `refuse`) is how the shop fails there.
 */
export class ShopAPI {
  me: Me = { ...ANNA };
  password = 'secret1';
  /** Whether the browser has a refresh cookie that is good. */
  cookie = false;
  basket: Line[] = [];
  version = 1;
  favourites: number[] = [];
  reviews: Review[] = [{ id: 7, author: 'Karl', avatar_url: null, rating: 4, comment: 'Just ripe.', created_at: '2026-03-01T09:00:00Z', verified: true, mine: false }];
  orders: Order[] = [];
  bought = new Set<number>();
  keys = new Map<string, Order>();
  /** Every change of a basket, in order. */
  writes: string[] = [];
  calls: string[] = [];
  tokens = 0;
  /** Paths (with their method) that break the connection, those whose answer gets lost, and those that are answered with a status and body. */
  down = new Set<string>();
  lost = new Set<string>();
  refuse = new Map<string, [number, JsonBodyType]>();

  constructor(readonly products = PRODUCTS.map((p) => ({ ...p }))) {
    const json = (body: unknown, status = 200) => HttpResponse.json(body as JsonBodyType, { status });
    const done = () => new HttpResponse(null, { status: 204 });
    const no = (status: number, code: string, error: string, more = {}) => json({ error, code, ...more }, status);
    const route = (method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string, answer: (r: Request) => Response, auth = true) =>
      http[method](path.replace(/\{(\w+)\}/g, ':$1'), async ({ request, params }) => {
        const name = `${method.toUpperCase()} ${path}`;
        this.calls.push(name);
        if (this.down.has(name)) return HttpResponse.error();
        const refusal = this.refuse.get(name);
        if (refusal) return json(refusal[1], refusal[0]);
        const token = request.headers.get('Authorization');
        if (auth && !token?.startsWith('Bearer ')) return no(401, 'token_missing', 'Please sign in.', { msg: 'Missing Authorization Header' });
        if (auth && token === 'Bearer stale') return no(401, 'token_expired', 'Please sign in.', { msg: 'Token has expired' });
        const text = request.headers.get('Content-Type')?.includes('json') ? await request.text() : '';
        const response = answer({ path: params as Record<string, string>, query: new URL(request.url).searchParams, headers: request.headers, body: text ? JSON.parse(text) : undefined });
        return this.lost.has(name) ? HttpResponse.error() : response;
      });
    const open = (...args: [Parameters<typeof route>[0], string, Parameters<typeof route>[2]]) => route(...args, false);

    server.use(
      open('get', '/api/v1/products', ({ query }) => json(this.#page(query))),
      open('get', '/api/v1/products/{id}', ({ path }) => {
        const product = this.#product(path.id);
        return product ? json(product) : no(404, 'not_found', 'Product not found');
      }),
      open('get', '/api/v1/categories', () => {
        const names = [...new Set(products.map((p) => p.category))];
        return json({ items: names.map((name) => ({ name, count: products.filter((p) => p.category === name).length, image_url: products.find((p) => p.category === name)!.image_url })) });
      }),
      open('get', '/api/v1/products/{id}/reviews', ({ path, headers }) => {
        const items = path.id === '2' ? this.reviews : [];
        const count = items.length;
        const by_rating = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [n, items.filter((r) => r.rating === n).length]));
        const average = count ? items.reduce((sum, r) => sum + r.rating, 0) / count : null;
        const signedIn = headers.has('Authorization');
        return json({ items, next_cursor: null, mine: (signedIn && items.find((r) => r.mine)) || null, can_review: signedIn && this.bought.has(Number(path.id)), summary: { average, count, by_rating } });
      }),
      route('put', '/api/v1/products/{id}/review', ({ path, body }) => {
        if (!this.bought.has(Number(path.id))) return no(403, 'not_purchased', 'You can review what you have bought.');
        const mine = { id: 8, author: this.me.username, avatar_url: this.me.avatar_url, created_at: '2026-05-01T09:00:00Z', verified: true, mine: true, ...(body as { rating: number; comment: string }) };
        this.reviews = [mine, ...this.reviews.filter((r) => !r.mine)];
        return json(mine, 201);
      }),
      route('delete', '/api/v1/products/{id}/review', () => {
        this.reviews = this.reviews.filter((r) => !r.mine);
        return done();
      }),
      route('get', '/api/v1/me/favourites', () => json({ items: this.favourites.map((id) => this.#product(id)) })),
      route('put', '/api/v1/me/favourites/{id}', ({ path }) => {
        this.favourites = [...new Set([...this.favourites, Number(path.id)])];
        return done();
      }),
      route('delete', '/api/v1/me/favourites/{id}', ({ path }) => {
        this.favourites = this.favourites.filter((id) => id !== Number(path.id));
        return done();
      }),

      open('post', '/api/v1/basket/quote', ({ body }) => {
        const { items } = body as { items: Line[] };
        return json({ ...this.priced(items, 0), left_out: items.filter((l) => !this.#product(l.product_id)).map((l) => l.product_id) });
      }),
      route('get', '/api/v1/me/basket', () => json(this.priced())),
      route('put', '/api/v1/me/basket/items/{id}', ({ path, headers, body }) => this.#change(headers, Number(path.id), (body as { quantity: number }).quantity)),
      route('delete', '/api/v1/me/basket/items/{id}', ({ path, headers }) => this.#change(headers, Number(path.id), 0)),
      route('post', '/api/v1/me/basket/merge', ({ body }) => {
        const { items } = body as { items: Line[] };
        const left_out = items.filter((l) => !this.#product(l.product_id)).map((l) => l.product_id);
        for (const { product_id, quantity } of items.filter((l) => !left_out.includes(l.product_id))) {
          const line = this.basket.find((l) => l.product_id === product_id);
          if (line) line.quantity = Math.max(line.quantity, quantity);
          else this.basket.push({ product_id, quantity });
        }
        this.version++;
        this.writes.push('merge');
        return json({ ...this.priced(), left_out });
      }),

      open('get', '/api/v1/payment-methods', () =>
        json({
          items: [
            { id: 'cash_on_delivery', name: 'Cash on delivery', test: false, hint: 'Pay when your groceries arrive.' },
            { id: 'card', name: 'Card (test: no money is taken)', test: true, hint: '' },
          ],
        }),
      ),
      route('post', '/api/v1/orders', ({ headers, body }) => {
        const key = headers.get('Idempotency-Key')!;
        const before = this.keys.get(key);
        if (before) return json(before);
        const { address, payment, expected_total_cents, basket_version } = body as OrderRequest;
        const basket = this.priced();
        if (basket.items.length === 0) return no(409, 'basket_empty', 'Your basket is empty.');
        if (basket_version !== this.version) return no(409, 'basket_changed', 'Your basket has changed.');
        if (expected_total_cents !== basket.total_cents) return no(409, 'total_changed', 'A price has changed.', { total_cents: basket.total_cents });
        if (basket.needs_adult && !this.me.is_adult) return no(403, 'age_required', 'Please confirm your age.');
        const short = basket.items.filter((i) => i.available < i.quantity);
        if (short.length > 0) return no(409, 'out_of_stock', 'Somebody was faster.', { items: short.map((i) => ({ product_id: i.product.id, name: i.product.name, available: i.available })) });
        if (payment.card_token === 'test_declined') return no(402, 'card_declined', 'The card was declined.');
        const order: Order = {
          id: this.orders.length + 1,
          number: `G-2026-00000${this.orders.length + 1}`,
          status: payment.card_token === 'test_slow' ? 'pending' : 'placed',
          created_at: '2026-05-01T10:00:00Z',
          items: basket.items.map(({ product, quantity, line_cents }) => ({ product_id: product.id, name: product.name, image_url: product.image_url, price_cents: product.price_cents, quantity, line_cents })),
          subtotal_cents: basket.subtotal_cents,
          delivery_cents: basket.delivery_cents,
          total_cents: basket.total_cents,
          address,
          payment: { method: payment.method, status: 'due' },
        };
        this.orders.unshift(order);
        this.keys.set(key, order);
        for (const i of basket.items) this.bought.add(i.product.id);
        this.basket = [];
        this.version++;
        return json(order, 201);
      }),
      route('get', '/api/v1/orders', ({ query }) => json({ items: this.orders.slice(0, Number(query.get('limit') ?? 10)), next_cursor: null })),
      route('get', '/api/v1/orders/{id}', ({ path }) => {
        const order = this.orders.find((o) => String(o.id) === path.id);
        return order ? json(order) : no(404, 'not_found', 'Order not found');
      }),
      route('post', '/api/v1/orders/{id}/reorder', ({ path }) => {
        const order = this.orders.find((o) => String(o.id) === path.id)!;
        this.basket = order.items.map((i) => ({ product_id: i.product_id!, quantity: i.quantity }));
        this.version++;
        return json({ basket: this.priced(), left_out: [{ product_id: null, name: 'Old Cheese', reason: 'not_sold' }, { product_id: 2, name: 'Bananas', reason: 'too_few' }] });
      }),

      open('post', '/api/v1/auth/register', ({ body }) => {
        const { username, email, password } = body as { username: string; email: string; password: string };
        if (email === ANNA.email) return no(409, 'email_taken', 'This email has an account already.');
        this.me = { ...this.me, username, email };
        this.password = password;
        return json(this.session(), 201);
      }),
      open('post', '/api/v1/auth/login', ({ body }) => {
        const { email, password } = body as { email: string; password: string };
        if (email !== this.me.email || password !== this.password) return no(401, 'login_refused', 'Email or password is wrong.');
        return json(this.session());
      }),
      open('post', '/api/v1/auth/refresh', ({ headers }) => {
        if (!headers.get('X-Requested-With')) return no(403, 'requested_with_missing', 'Not from here.');
        return this.cookie ? json(this.session()) : no(401, 'session_ended', 'Please sign in again.', { msg: 'Session ended' });
      }),
      open('post', '/api/v1/auth/logout', () => {
        this.cookie = false;
        return done();
      }),
      route('post', '/api/v1/auth/logout-everywhere', () => {
        this.cookie = false;
        return done();
      }),
      route('get', '/api/v1/me', () => json(this.me)),
      route('patch', '/api/v1/me', ({ body }) => {
        const { current_password, ...change } = body as { current_password?: string; username?: string; email?: string };
        if (change.email && current_password !== this.password) return no(403, 'password_wrong', 'The password is wrong.');
        this.me = { ...this.me, ...change };
        return json(this.me);
      }),
      route('delete', '/api/v1/me', ({ body }) => {
        if ((body as { current_password: string }).current_password !== this.password) return no(403, 'password_wrong', 'The password is wrong.');
        this.cookie = false;
        return done();
      }),
      route('post', '/api/v1/me/password', ({ body }) => {
        const { current_password, new_password } = body as { current_password: string; new_password: string };
        if (current_password !== this.password) return no(403, 'password_wrong', 'The password is wrong.');
        this.password = new_password;
        return json(this.session());
      }),
      route('post', '/api/v1/me/age', () => {
        const is_adult = this.me.age !== 'minor';
        this.me = { ...this.me, is_adult, age: is_adult ? 'adult' : 'minor' };
        return json({ is_adult, age: this.me.age });
      }),
      route('put', '/api/v1/me/avatar', () => {
        this.me = { ...this.me, avatar_url: '/api/me/avatar/new.png' };
        return json({ avatar_url: this.me.avatar_url });
      }),
      route('delete', '/api/v1/me/avatar', () => {
        this.me = { ...this.me, avatar_url: ANNA.avatar_url };
        return done();
      }),
    );
  }

  /** What a sign-in is answered with; the browser has a refresh cookie from then on. */
  session() {
    this.cookie = true;
    return { access_token: `token-${++this.tokens}`, token_type: 'Bearer' as const, expires_in: 900, user: this.me };
  }

  priced(lines = this.basket, version = this.version): Basket {
    const items = lines.flatMap(({ product_id, quantity }) => {
      const product = this.#product(product_id);
      return product ? [{ product, quantity, line_cents: product.price_cents * quantity, available: Math.min(quantity, product.stock) }] : [];
    });
    const subtotal_cents = items.reduce((sum, i) => sum + i.line_cents, 0);
    const missing = Math.max(0, FREE_DELIVERY_FROM - subtotal_cents);
    const delivery_cents = items.length === 0 || missing === 0 ? 0 : DELIVERY_FEE;
    return {
      items,
      subtotal_cents,
      delivery_cents,
      total_cents: subtotal_cents + delivery_cents,
      free_delivery_from_cents: FREE_DELIVERY_FROM,
      missing_for_free_delivery_cents: missing,
      needs_adult: items.some((i) => i.product.is_alcohol),
      version,
    };
  }

  #product(id: unknown): Product | undefined {
    return this.products.find((p) => String(p.id) === String(id));
  }

  #change(headers: Headers, id: number, quantity: number): Response {
    if (headers.get('If-Match') !== `"${this.version}"`) {
      return HttpResponse.json({ error: 'Your basket has changed.', code: 'basket_changed', basket: this.priced() }, { status: 412 });
    }
    if (!this.#product(id)) return HttpResponse.json({ error: 'Product not found', code: 'not_found' }, { status: 404 });
    const line = this.basket.find((l) => l.product_id === id);
    if (quantity === 0) this.basket = this.basket.filter((l) => l !== line);
    else if (line) line.quantity = quantity;
    else this.basket.push({ product_id: id, quantity });
    this.version++;
    this.writes.push(`${id}: ${quantity}`);
    return HttpResponse.json(this.priced());
  }

  #page(query: URLSearchParams) {
    const q = (query.get('q') ?? '').toLowerCase();
    const categories = query.getAll('category');
    const has = (p: Product) => p.name.toLowerCase().includes(q);
    const close = q !== '' && !this.products.some(has);
    const found = this.products
      .filter((p) => (close ? p.name.toLowerCase().includes(q.slice(0, 5)) : has(p)))
      .filter((p) => query.get('min_price_cents') === null || p.price_cents >= Number(query.get('min_price_cents')))
      .filter((p) => query.get('max_price_cents') === null || p.price_cents <= Number(query.get('max_price_cents')))
      .filter((p) => query.get('min_rating') === null || (p.rating.average ?? 0) >= Number(query.get('min_rating')))
      .filter((p) => query.get('in_stock') === null || p.stock > 0)
      .filter((p) => query.get('alcohol') !== 'false' || !p.is_alcohol);
    const items = found.filter((p) => categories.length === 0 || categories.includes(p.category));
    const sort = query.get('sort');
    if (sort === 'price') items.sort((a, b) => a.price_cents - b.price_cents);
    if (sort === '-price') items.sort((a, b) => b.price_cents - a.price_cents);
    const limit = Number(query.get('limit') ?? 24);
    const from = Number(query.get('cursor') ?? 0);
    const prices = items.map((p) => p.price_cents);
    return {
      items: items.slice(from, from + limit),
      next_cursor: from + limit < items.length ? String(from + limit) : null,
      total: items.length,
      corrected: close,
      facets: {
        categories: [...new Set(found.map((p) => p.category))].map((value) => ({ value, count: found.filter((p) => p.category === value).length })),
        price: { min_cents: Math.min(...prices, 0), max_cents: Math.max(...prices, 0) },
        ratings: [1, 2, 3, 4, 5].map((value) => ({ value, count: items.filter((p) => (p.rating.average ?? 0) >= value).length })),
        in_stock: { count: items.filter((p) => p.stock > 0).length },
        alcohol: { count: items.filter((p) => p.is_alcohol).length },
      },
    };
  }
}
