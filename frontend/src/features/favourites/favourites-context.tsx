import { createContext, useContext, useMemo, type ReactNode } from 'react';
import { useToast } from '@/components/Toasts';
import { messageFor } from '@/lib/http';
import { session } from '@/lib/session';
import type { Product } from '@/lib/shop-types';
import { useFavourites, useMark } from './api/favourites';

interface Favourites {
  marked: ReadonlySet<number>;
  /** Marks a product or takes the mark away. Guests are shown the way to an account. */
  toggle: (product: Product) => void;
}

const Context = createContext<Favourites>({ marked: new Set(), toggle: () => undefined });

/** Knows the favourites for all hearts of the page at once: there are many, and each would ask. */
export function FavouritesProvider({ signInPath, children }: { signInPath: () => string; children: ReactNode }) {
  const { data } = useFavourites();
  const { mutate } = useMark();
  const toast = useToast();
  const marked = useMemo(() => new Set(data?.map((p) => p.id)), [data]);
  const value = useMemo<Favourites>(
    () => ({
      marked,
      toggle: (product) => {
        const { who } = session.state;
        if (who === 'guest') toast('Sign in to keep your favourites.', 'plain', { label: 'Sign in', to: signInPath() });
        else if (who === 'unknown') toast('We cannot tell yet who you are: the shop has not answered. Try again in a moment.', 'bad');
        else mutate({ product, marked: !marked.has(product.id) }, { onError: (error) => toast(messageFor(error), 'bad') });
      },
    }),
    [marked, mutate, toast, signInPath],
  );
  return <Context value={value}>{children}</Context>;
}

export function useHearts(): Favourites {
  return useContext(Context);
}
