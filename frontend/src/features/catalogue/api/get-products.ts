import { queryOptions, useQuery } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import type { components } from '@/lib/api-schema';
import { toCents } from '@/lib/money';
import type { Product } from '@/lib/product';

/** A product as the API sends it: the price is a number of euros. */
type ProductJSON = components['schemas']['Product'];

export function toProduct(p: ProductJSON): Product {
  return {
    id: p.id,
    name: p.name,
    description: p.description,
    category: p.category,
    pack: p.pack,
    cents: toCents(p.price),
    image: p.image_url,
    isAlcohol: p.is_alcohol,
    reviews: p.reviews.map(({ id, author, rating, comment }) => ({ id, author, rating, comment })),
  };
}

export const productsQuery = queryOptions({
  queryKey: ['products'],
  queryFn: async ({ signal }) => (await call('get', '/api/products/all_products', { signal })).map(toProduct),
  staleTime: 5 * 60_000,
});

/** The whole catalogue, ordered by id. */
export function useProducts() {
  return useQuery(productsQuery);
}
