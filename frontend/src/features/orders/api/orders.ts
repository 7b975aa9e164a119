import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import { useMe } from '@/lib/use-session';

const PAGE_SIZE = 10;

/** What who is signed in has ordered, the newest first. */
export function useOrders() {
  const me = useMe();
  return useInfiniteQuery({
    queryKey: ['orders', me?.id],
    queryFn: ({ pageParam, signal }) => call('get', '/api/v1/orders', { auth: true, query: { limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    enabled: me !== null,
  });
}

const PENDING_MS = 2000;

/** One order. While its payment is under way it is read again and again. */
export function useOrder(id: number) {
  const me = useMe();
  return useQuery({
    queryKey: ['order', me?.id, id],
    queryFn: ({ signal }) => call('get', '/api/v1/orders/{id}', { auth: true, path: { id }, signal }),
    enabled: me !== null,
    refetchInterval: ({ state }) => (state.data?.status === 'pending' ? PENDING_MS : false),
  });
}

/** Puts the goods of an order into the basket again, as far as the shop still has them. */
export function useReorder() {
  return useMutation({ mutationFn: (id: number) => call('post', '/api/v1/orders/{id}/reorder', { auth: true, path: { id } }) });
}
