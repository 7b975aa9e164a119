import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '@/lib/api-client';
import type { Product } from '@/lib/shop-types';
import { useMe } from '@/lib/use-session';

const keyOf = (user: number | undefined) => ['favourites', user] as const;

/** The products that who is signed in has marked. Asks nothing while nobody is. */
export function useFavourites() {
  const me = useMe();
  return useQuery({
    queryKey: keyOf(me?.id),
    queryFn: async ({ signal }) => (await call('get', '/api/v1/me/favourites', { auth: true, signal })).items,
    enabled: me !== null,
    staleTime: 5 * 60_000,
  });
}

/** Marks a product or takes the mark away. It shows at once and is taken back when the shop refuses. */
export function useMark() {
  const client = useQueryClient();
  const me = useMe();
  const key = keyOf(me?.id);
  return useMutation({
    mutationKey: key,
    mutationFn: async ({ product, marked }: { product: Product; marked: boolean }) => {
      await call(marked ? 'put' : 'delete', '/api/v1/me/favourites/{id}', { auth: true, path: { id: product.id } });
    },
    onMutate: async ({ product, marked }) => {
      await client.cancelQueries({ queryKey: key });
      const put = (to: boolean) =>
        client.setQueryData<Product[]>(key, (all = []) => (to ? [product, ...all.filter((p) => p.id !== product.id)] : all.filter((p) => p.id !== product.id)));
      put(marked);
      return { undo: () => put(!marked) };
    },
    onError: (_error, _mark, context) => context?.undo(),
    onSettled: () => (client.isMutating({ mutationKey: key }) === 1 ? client.invalidateQueries({ queryKey: key }) : undefined),
  });
}
