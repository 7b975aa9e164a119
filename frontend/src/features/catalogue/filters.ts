import { parseEUR } from '@/lib/money';

/** How the goods may be ordered. `shelf` is the shop's own order; while searching it means the best match first. */
export const SORTS = {
  shelf: 'Shelf order',
  price: 'Price: low to high',
  '-price': 'Price: high to low',
  rating: 'Best rated',
  name: 'Name: A to Z',
} as const;
export type Sort = keyof typeof SORTS;

/** What a shopper looks for. Prices are cents; null is no limit. */
export interface Search {
  query: string;
  categories: string[];
  min: number | null;
  max: number | null;
  /** At least so many stars; 0 asks for none. */
  rating: number;
  inStock: boolean;
  noAlcohol: boolean;
  sort: Sort;
}

export const EVERYTHING: Search = { query: '', categories: [], min: null, max: null, rating: 0, inStock: false, noAlcohol: false, sort: 'shelf' };

/** Reads a search from the address; whatever makes no sense there is left out. */
export function searchOf(params: URLSearchParams): Search {
  const sort = params.get('sort') ?? '';
  const rating = Number(params.get('rating'));
  return {
    query: params.get('q') ?? '',
    categories: [...new Set(params.getAll('category').filter(Boolean))],
    min: parseEUR(params.get('min') ?? ''),
    max: parseEUR(params.get('max') ?? ''),
    rating: Number.isInteger(rating) && rating >= 1 && rating <= 5 ? rating : 0,
    inStock: params.get('stock') === 'yes',
    noAlcohol: params.get('alcohol') === 'no',
    sort: Object.hasOwn(SORTS, sort) ? (sort as Sort) : 'shelf',
  };
}

/** Writes a search for the address; what is not asked for does not stand there. */
export function paramsOf(search: Search): URLSearchParams {
  const params = new URLSearchParams();
  if (search.query !== '') params.set('q', search.query);
  for (const category of search.categories) params.append('category', category);
  if (search.min !== null) params.set('min', euros(search.min));
  if (search.max !== null) params.set('max', euros(search.max));
  if (search.rating > 0) params.set('rating', String(search.rating));
  if (search.inStock) params.set('stock', 'yes');
  if (search.noAlcohol) params.set('alcohol', 'no');
  if (search.sort !== 'shelf') params.set('sort', search.sort);
  return params;
}

/** How many filters are set, the words searched for and the order not counted. */
export function filtersIn(search: Search): number {
  return search.categories.length + Number(search.min !== null || search.max !== null) + Number(search.rating > 0) + Number(search.inStock) + Number(search.noAlcohol);
}

/** What the API is asked. */
export function askOf({ query, categories, min, max, rating, inStock, noAlcohol, sort }: Search) {
  const q = query.trim();
  return {
    ...(q && { q }),
    ...(categories.length > 0 && { category: categories.toSorted() }),
    ...(min !== null && { min_price_cents: min }),
    ...(max !== null && { max_price_cents: max }),
    ...(rating > 0 && { min_rating: rating }),
    ...(inStock && { in_stock: true }),
    ...(noAlcohol && { alcohol: false }),
    sort: sort === 'shelf' && q ? ('relevance' as const) : sort,
  };
}

export function euros(cents: number): string {
  return cents % 100 === 0 ? String(cents / 100) : (cents / 100).toFixed(2);
}
