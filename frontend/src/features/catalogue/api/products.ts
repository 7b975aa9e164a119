import { infiniteQueryOptions, keepPreviousData, queryOptions, useInfiniteQuery, useQuery, useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import { isPassing } from '@/lib/http';
import { useIdle } from '@/lib/idle';
import type { Product, ProductPage } from '@/lib/shop-types';
import { askOf, EVERYTHING, type Search } from '../filters';

/** Full rows on most windows, and no more than one screen or two: the first of them is what a shopper waits for. */
export const PAGE_SIZE = 24;

function productsQuery(search: Search) {
  const ask = askOf(search);
  return infiniteQueryOptions({
    queryKey: ['products', ask],
    queryFn: ({ pageParam, signal }) => call('get', '/api/v1/products', { query: { ...ask, limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }, auth: 'at-hand', signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

const AWAY_MS = 4000;

/** What could not be read is asked for again by itself: the shop comes back without anybody pressing a button. */
function whileAway({ state }: { state: { status: string; error: Error | null; data: unknown } }): number | false {
  return state.status === 'error' && state.data === undefined && isPassing(state.error) ? AWAY_MS : false;
}

/** The goods that a search finds, page after page. While the next search is on its way the last one stays. */
export function useProducts(search: Search) {
  return useInfiniteQuery({ ...productsQuery(search), placeholderData: keepPreviousData, refetchInterval: whileAway });
}

function productQuery(id: number) {
  return queryOptions({
    queryKey: ['product', id],
    queryFn: ({ signal }) => call('get', '/api/v1/products/{id}', { path: { id }, auth: 'at-hand', signal }),
  });
}

/** Asks for a product before the page that shows it has come; its picture is on its way since public/early.js. */
export function expectProduct(client: QueryClient, id: number): void {
  void client.prefetchQuery(productQuery(id));
}

/** One product. What a list has said about it shows until the shop says it itself. */
export function useProduct(id: number) {
  const client = useQueryClient();
  return useQuery({
    ...productQuery(id),
    refetchInterval: whileAway,
    placeholderData: (): Product | undefined => {
      for (const [, data] of client.getQueriesData<InfiniteData<ProductPage>>({ queryKey: ['products'] })) {
        for (const page of data?.pages ?? []) {
          const known = page.items.find((p) => p.id === id);
          if (known) return known;
        }
      }
      return undefined;
    },
  });
}

const categoriesQuery = queryOptions({
  queryKey: ['categories'],
  queryFn: ({ signal }) => call('get', '/api/v1/categories', { signal }),
  staleTime: 5 * 60_000,
});

/** The aisles of the shop in their order. */
export function useCategories() {
  return useQuery({ ...categoriesQuery, refetchInterval: whileAway });
}

const NEIGHBOURS = 7;

/** What stands in the same aisle after a product, and before it where the aisle ends. It comes when there is time. */
export function useNeighbours(product: Product | undefined) {
  const idle = useIdle(product !== undefined);
  const { data } = useQuery({
    queryKey: ['aisle', product?.category],
    queryFn: ({ signal }) => call('get', '/api/v1/products', { query: { ...askOf({ ...EVERYTHING, categories: [product!.category] }), limit: 100 }, signal }),
    enabled: idle && product !== undefined,
    staleTime: 5 * 60_000,
  });
  if (!product || !data) return [];
  const at = data.items.findIndex((p) => p.id === product.id);
  return [...data.items.slice(at + 1), ...data.items.slice(0, Math.max(0, at))].slice(0, NEIGHBOURS);
}
