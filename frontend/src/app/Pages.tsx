import { useEffect } from 'react';
import { Route, Routes, useLocation } from 'react-router';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Fallen } from '@/components/ErrorBoundary';
import { Guard, later, NotArrived, sendAhead } from '@/components/Later';
import { whenIdle } from '@/lib/idle';
import { useOnline } from '@/lib/use-online';
import { Layout } from './layout/Layout';
import styles from './routes/pages.module.css';
import { StorePage } from './routes/StorePage';

/** What is looked at comes first; then there is time for what may be wanted next. */
const AHEAD_MS = 3000;
const WAITING = <div className={styles.wait} />;
// The store is in the first download; the others come when there is time, or when somebody goes there.
const ProductPage = later(() => import('./routes/ProductPage'), WAITING);
const BasketPage = later(() => import('./routes/BasketPage'), WAITING);
const CheckoutPage = later(() => import('./routes/CheckoutPage'), WAITING);
const ThanksPage = later(() => import('./routes/ThanksPage'), WAITING);
const FavouritesPage = later(() => import('./routes/FavouritesPage'), WAITING);
const OrdersPage = later(() => import('./routes/OrdersPage'), WAITING);
const OrderPage = later(() => import('./routes/OrderPage'), WAITING);
const AccountPage = later(() => import('./routes/AccountPage'), WAITING);
const SignInPage = later(() => import('./routes/SignInPage'), WAITING);
const RegisterPage = later(() => import('./routes/RegisterPage'), WAITING);
const NotFoundPage = later(() => import('./routes/NotFoundPage'), WAITING);

export function Pages() {
  const { pathname } = useLocation();
  // A development server has no files to send for.
  useEffect(() => (import.meta.env.PROD ? whenIdle(() => void sendAhead(), AHEAD_MS) : undefined), []);
  return (
    <Layout>
      <Guard at={pathname} fallback={(error, again) => (error instanceof NotArrived ? <Missing again={again} /> : <Fallen />)}>
        <Routes>
          <Route path="/" element={<StorePage />} />
          <Route path="/product/:id" element={<ProductPage />} />
          <Route path="/basket" element={<BasketPage />} />
          <Route path="/checkout/:step?" element={<CheckoutPage />} />
          <Route path="/thanks/:id" element={<ThanksPage />} />
          <Route path="/favourites" element={<FavouritesPage />} />
          <Route path="/orders" element={<OrdersPage />} />
          <Route path="/orders/:id" element={<OrderPage />} />
          <Route path="/account" element={<AccountPage />} />
          <Route path="/sign-in" element={<SignInPage />} />
          <Route path="/register" element={<RegisterPage />} />
          <Route path="*" element={<NotFoundPage />} />
        </Routes>
      </Guard>
    </Layout>
  );
}

/** A page whose code did not arrive; everything around it goes on. */
function Missing({ again }: { again: () => void }) {
  const online = useOnline();
  return (
    <EmptyState level={1} sign={online ? 'oops' : 'offline'} title={online ? 'This page did not arrive' : 'You are offline'} action={<Button onClick={again}>Try again</Button>}>
      <p>{online ? 'The connection broke while it was on its way.' : 'This page comes as soon as you are back.'} Your basket is safe.</p>
    </EmptyState>
  );
}
