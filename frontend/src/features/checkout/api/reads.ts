import { useQuery } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import { useMe } from '@/lib/use-session';

/** How one can pay. */
export function usePaymentMethods() {
  return useQuery({
    queryKey: ['payment-methods'],
    queryFn: async ({ signal }) => (await call('get', '/api/v1/payment-methods', { signal })).items,
    staleTime: 5 * 60_000,
  });
}

/** Where the last order went; null when there was none. */
export function useLastAddress() {
  const me = useMe();
  return useQuery({
    queryKey: ['last-address', me?.id],
    queryFn: async ({ signal }) => (await call('get', '/api/v1/orders', { auth: true, query: { limit: 1 }, signal })).items[0]?.address ?? null,
    enabled: me !== null,
    staleTime: Infinity,
    retry: false,
  });
}
