import { QueryClientProvider, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { BrowserRouter } from 'react-router';
import { ErrorBoundary } from '@/components/ErrorBoundary';
import { ToastProvider } from '@/components/Toasts';
import { AgeGateProvider, useAgeGate } from '@/features/age/age-gate';
import { BasketProvider, useBasketStore } from '@/features/basket/basket-context';
import { BasketStore } from '@/features/basket/basket-store';
import { expectProduct } from '@/features/catalogue/api/products';
import { FavouritesProvider } from '@/features/favourites/favourites-context';
import { createQueryClient } from '@/lib/query-client';
import { session } from '@/lib/session';
import { windowStorage } from '@/lib/storage';
import { useSession } from '@/lib/use-session';
import { Pages } from './Pages';
import { signInPath } from './paths';

/** The whole page. Tests bring a query client that does not wait between its tries. */
export function App({ queryClient }: { queryClient?: QueryClient }) {
  const [client] = useState(() => {
    // Before anything shows: nobody who is signed in is taken for a guest first.
    session.open();
    const created = queryClient ?? createQueryClient();
    const product = /^\/product\/([1-9]\d{0,8})$/.exec(window.location.pathname)?.[1];
    if (product) expectProduct(created, Number(product));
    return created;
  });
  const [basket] = useState(() => new BasketStore());
  return (
    <ErrorBoundary>
      <QueryClientProvider client={client}>
        <BasketProvider value={basket}>
          {/* Without transitions: a filter that is ticked shows its tick at once. */}
          <BrowserRouter useTransitions={false}>
            <ToastProvider>
              <AgeGateProvider>
                <Belongings />
                <FavouritesProvider signInPath={backHere}>
                  <Pages />
                </FavouritesProvider>
              </AgeGateProvider>
            </ToastProvider>
          </BrowserRouter>
        </BasketProvider>
      </QueryClientProvider>
    </ErrorBoundary>
  );
}

/** The sign-in page, with the way back to where one is when it is asked for. */
const backHere = () => signInPath(window.location);

/** What belongs to whoever is at the page: opened for them, read again when they come back, gone when they leave. */
function Belongings() {
  const { who, user, end } = useSession();
  const basket = useBasketStore();
  const client = useQueryClient();
  const age = useAgeGate();
  const id = user?.id;
  const before = useRef<{ who: string; id: number | undefined } | null>(null);

  useEffect(() => {
    const last = before.current;
    before.current = { who, id };
    if (who === 'guest') void basket.openGuest();
    else if (last?.who === 'unknown' && who === 'member') {
      // The basket was asked for together with the session.
      if (basket.state.status === 'failed') void basket.reload();
    } else if (last === null || last.who !== who || last.id !== id) void basket.openAccount();
  }, [who, id, basket]);

  useEffect(() => {
    const reload = () => void basket.reload();
    const onVisible = () => {
      if (document.visibilityState === 'visible') reload();
    };
    // Another window of the same guest has changed the basket.
    const onStorage = (event: StorageEvent) => {
      if (event.key === 'grocery.basket' && who === 'guest') reload();
    };
    document.addEventListener('visibilitychange', onVisible);
    window.addEventListener('online', reload);
    window.addEventListener('storage', onStorage);
    return () => {
      document.removeEventListener('visibilitychange', onVisible);
      window.removeEventListener('online', reload);
      window.removeEventListener('storage', onStorage);
    };
  }, [who, basket]);

  useEffect(() => {
    if (who !== 'guest' || end === 'none') return;
    client.removeQueries({ predicate: ({ queryKey }) => ['favourites', 'orders', 'order', 'last-address', 'reviews'].includes(String(queryKey[0])) });
    if (end !== 'signed-out') return;
    age.forget();
    for (const key of ['grocery.checkout', 'grocery.checkout.attempt']) windowStorage.set(key, null);
  }, [who, end, age, client]);

  return null;
}
