import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import { useSession } from '@/lib/use-session';

const PAGE_SIZE = 12;
export const REVIEW_SORTS = { newest: 'Newest', highest: 'Best', lowest: 'Worst' } as const;
export type ReviewSort = keyof typeof REVIEW_SORTS;

/** What buyers say about a product. Who asks decides which of it is theirs. */
export function useReviews(productId: number, sort: ReviewSort) {
  const { who, user } = useSession();
  return useInfiniteQuery({
    queryKey: ['reviews', productId, user?.id, sort],
    queryFn: ({ pageParam, signal }) =>
      call('get', '/api/v1/products/{id}/reviews', {
        auth: 'optional',
        path: { id: productId },
        query: { sort, limit: PAGE_SIZE, ...(pageParam !== null && { cursor: pageParam }) },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    // As soon as it is known who asks: once.
    enabled: who !== 'unknown',
    placeholderData: keepPreviousData,
  });
}

/** Writes or changes the own review of a product. */
export function useWriteReview(productId: number) {
  const told = useTold(productId);
  return useMutation({
    mutationFn: (review: { rating: number; comment: string }) => call('put', '/api/v1/products/{id}/review', { auth: true, path: { id: productId }, body: review }),
    onSuccess: told,
  });
}

/** Takes the own review of a product away. */
export function useDeleteReview(productId: number) {
  const told = useTold(productId);
  return useMutation({
    mutationFn: () => call('delete', '/api/v1/products/{id}/review', { auth: true, path: { id: productId } }),
    onSuccess: told,
  });
}

/** Everything that tells of a product's reviews is read again. */
function useTold(productId: number) {
  const client = useQueryClient();
  return async () => {
    void client.invalidateQueries({ queryKey: ['products'] });
    await Promise.all([client.invalidateQueries({ queryKey: ['reviews', productId] }), client.invalidateQueries({ queryKey: ['product', productId] })]);
  };
}
