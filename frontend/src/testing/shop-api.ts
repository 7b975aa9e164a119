import { http, HttpResponse, type JsonBodyType } from 'msw';
import type { components } from '@/lib/api-schema';
import { server } from './server';

type ProductRow = components['schemas']['Product'];
type Line = components['schemas']['BasketLine'];

const row = (id: number, name: string, category: string, price: number, more: Partial<ProductRow> = {}): ProductRow => ({
  id,
  name,
  category,
  price,
  description: `${name}, carefully chosen.`,
  pack: '500 g',
  image_url: `/products/${id}.webp`,
  is_alcohol: false,
  reviews: [],
  ...more,
});

export const PRODUCTS: ProductRow[] = [
  row(1, 'Red Apples', 'Fruit', 2.49),
  row(2, 'Bananas', 'Fruit', 1.79, { reviews: [{ id: 7, product_id: 2, author: 'Karl', rating: 4, comment: 'Just ripe.' }] }),
  row(3, 'Vine Tomatoes', 'Vegetables', 2.29),
  row(4, 'Tomato Ketchup', 'Pantry', 0.1),
  row(5, 'Crème fraîche', 'Dairy', 1.19),
  row(6, 'Natural Yogurt', 'Dairy', 0.2),
  row(7, 'Riesling', 'Wine', 7.99, { is_alcohol: true, pack: '0.75 l' }),
];

/**
 * The shop's API over a little state of its own, with the answers of the real one. What a test changes in it (`down`,
 * `refuse`) is how the shop fails there.
 */
export class ShopAPI {
  users = new Map<string, { username: string; password: string }>([['anna@example.com', { username: 'anna', password: 'secret1' }]]);
  basket: Line[] = [];
  isAdult = false;
  /** Every write of a basket, in order. */
  writes: Line[][] = [];
  purchases: { ids: number[]; sold: Line[] }[] = [];
  calls: string[] = [];
  /** Paths (with their method) that break the connection, and those that are answered with a status and body. */
  down = new Set<string>();
  refuse = new Map<string, [number, JsonBodyType]>();

  constructor(products = PRODUCTS) {
    const route = (method: 'get' | 'post', path: string, answer: (body: unknown) => Response | Promise<Response>, auth = false) =>
      http[method](path, async ({ request }) => {
        const name = `${method.toUpperCase()} ${path}`;
        this.calls.push(name);
        if (this.down.has(name)) return HttpResponse.error();
        const refusal = this.refuse.get(name);
        if (refusal) return HttpResponse.json(refusal[1], { status: refusal[0] });
        if (auth && !request.headers.get('Authorization')?.startsWith('Bearer ')) {
          return HttpResponse.json({ msg: 'Missing Authorization Header' }, { status: 401 });
        }
        return answer(method === 'post' ? await request.json() : undefined);
      });
    const json = (body: JsonBodyType, status = 200) => HttpResponse.json(body, { status });

    server.use(
      route('get', '/api/products/all_products', () => json(products)),
      route('post', '/api/auth/register', (body) => {
        const { username, email, password } = body as { username: string; email: string; password: string };
        if (this.users.has(email)) return json({ error: 'Email already exists' }, 400);
        this.users.set(email, { username, password });
        return json({ message: 'User registered successfully' }, 201);
      }),
      route('post', '/api/auth/login', (body) => {
        const { email, password } = body as { email: string; password: string };
        if (this.users.get(email)?.password !== password) return json({ error: 'Invalid username or password' }, 401);
        return json({ access_token: tokenOf(email) });
      }),
      route('get', '/api/me/info', () => json({ username: 'anna', email: 'anna@example.com', is_adult: this.isAdult }), true),
      route('get', '/api/me/basket', () => json(this.basket.map((l) => ({ ...l, name: 'x', price: 1, image_url: '' }))), true),
      route(
        'post',
        '/api/me/basket',
        (body) => {
          this.basket = body as Line[];
          this.writes.push(this.basket);
          return json({ message: 'Basket successfully updated.' });
        },
        true,
      ),
      route(
        'post',
        '/api/me/purchase',
        (body) => {
          if (this.basket.some((l) => products.find((p) => p.id === l.product_id)?.is_alcohol) && !this.isAdult) {
            return json({ error: 'Please confirm your age.' }, 403);
          }
          this.purchases.push({ ids: (body as { purchased_products: number[] }).purchased_products, sold: this.basket });
          this.basket = [];
          return json({ message: 'Product purchased successfully and basket cleared' });
        },
        true,
      ),
      route(
        'post',
        '/api/v1/me/age',
        () => {
          this.isAdult = true;
          return json({ is_adult: true });
        },
        true,
      ),
    );
  }
}

/** A token like the API's, for four hours or until a moment. */
export function tokenOf(email: string, expires = Date.now() / 1000 + 4 * 3600): string {
  return ['{"alg":"HS256"}', JSON.stringify({ sub: email, type: 'access', exp: Math.floor(expires) }), 'signature'].map((part) => btoa(part)).join('.');
}
