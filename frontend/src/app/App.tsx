import { QueryClientProvider, type QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { BrowserRouter } from 'react-router';
import { ErrorBoundary } from '@/components/ErrorBoundary';
import { ToastProvider } from '@/components/Toasts';
import { AgeGateProvider, useAgeGate } from '@/features/age/age-gate';
import { BasketProvider } from '@/features/basket/basket-context';
import { BasketStore } from '@/features/basket/basket-store';
import { productsQuery } from '@/features/catalogue/api/get-products';
import { createQueryClient } from '@/lib/query-client';
import { useSession } from '@/lib/use-session';
import { Pages } from './Pages';

/** The whole page. Tests bring a query client that does not wait between its tries. */
export function App({ queryClient }: { queryClient?: QueryClient }) {
  const [client] = useState(() => queryClient ?? createQueryClient());
  const [basket] = useState(() => new BasketStore());
  return (
    <ErrorBoundary>
      <QueryClientProvider client={client}>
        <BasketProvider value={basket}>
          <ToastProvider>
            <AgeGateProvider>
              <BasketOfSession client={client} basket={basket} />
              <BrowserRouter>
                <Pages />
              </BrowserRouter>
            </AgeGateProvider>
          </ToastProvider>
        </BasketProvider>
      </QueryClientProvider>
    </ErrorBoundary>
  );
}

/** Opens the basket of whoever is at the page, and reads it again when they come back to the window. */
function BasketOfSession({ client, basket }: { client: QueryClient; basket: BasketStore }) {
  const { token, end } = useSession();
  const age = useAgeGate();

  useEffect(() => {
    if (token === null) {
      basket.openGuest();
      return;
    }
    void basket.openAccount((id) => client.getQueryData(productsQuery.queryKey)?.some((p) => p.id === id) ?? true);
    const onVisible = () => {
      if (document.visibilityState === 'visible') void basket.reload();
    };
    const onOnline = () => void basket.reload();
    document.addEventListener('visibilitychange', onVisible);
    window.addEventListener('online', onOnline);
    return () => {
      document.removeEventListener('visibilitychange', onVisible);
      window.removeEventListener('online', onOnline);
    };
  }, [token, basket, client]);

  useEffect(() => {
    if (end === 'signed-out') age.forget();
  }, [end, age]);

  return null;
}
