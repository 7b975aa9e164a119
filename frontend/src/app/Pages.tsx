import { lazy, Suspense } from 'react';
import { Route, Routes } from 'react-router';
import { Layout } from './layout/Layout';
import styles from './routes/pages.module.css';
import { StorePage } from './routes/StorePage';

// The store is in the first download; the others come when somebody goes there.
const ProductPage = lazy(() => import('./routes/ProductPage'));
const BasketPage = lazy(() => import('./routes/BasketPage'));
const CheckoutPage = lazy(() => import('./routes/CheckoutPage'));
const ThanksPage = lazy(() => import('./routes/ThanksPage'));
const FavouritesPage = lazy(() => import('./routes/FavouritesPage'));
const OrdersPage = lazy(() => import('./routes/OrdersPage'));
const OrderPage = lazy(() => import('./routes/OrderPage'));
const AccountPage = lazy(() => import('./routes/AccountPage'));
const SignInPage = lazy(() => import('./routes/SignInPage'));
const RegisterPage = lazy(() => import('./routes/RegisterPage'));
const NotFoundPage = lazy(() => import('./routes/NotFoundPage'));

export function Pages() {
  return (
    <Layout>
      <Suspense fallback={<div className={styles.wait} />}>
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
      </Suspense>
    </Layout>
  );
}
