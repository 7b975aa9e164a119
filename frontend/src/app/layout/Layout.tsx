import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'react-router';
import { Guard, later } from '@/components/Later';
import { useToast } from '@/components/Toasts';
import { useBasket } from '@/features/basket/basket-context';
import { useOnline } from '@/lib/use-online';
import { useSession } from '@/lib/use-session';
import { useScroll } from '../use-scroll';
import { BasketBar } from './BasketBar';
import { Footer } from './Footer';
import { Header } from './Header';
import styles from './Layout.module.css';

const BasketDrawer = later(() => import('./BasketDrawer'));

/** What surrounds every page. */
export function Layout({ children }: { children: ReactNode }) {
  const [drawer, setDrawer] = useState<'never' | 'open' | 'closed'>('never');
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const online = useOnline();
  const { problem } = useBasket();
  const { end } = useSession();
  const toast = useToast();
  const close = () => setDrawer((d) => (d === 'open' ? 'closed' : d));
  useScroll();

  // Another page: its beginning is where the keyboard goes on.
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    close();
    // Whoever searches from here has been led to the store, and is still typing.
    if (document.activeElement?.closest('[role=search]')) return;
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  useEffect(() => {
    if (problem) toast(problem, 'bad');
  }, [problem, toast]);

  useEffect(() => {
    if (end === 'expired') toast('You have been signed out because your session ran out. Your basket is kept.');
  }, [end, toast]);

  return (
    <>
      <a
        className={styles.skip}
        href="#main"
        onClick={(event) => {
          // No entry of its own in the browser's history.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the goods
      </a>
      <Header onOpenBasket={() => setDrawer('open')} />
      {!online && (
        <p className={styles.offline} role="status">
          You are offline. You can look around, but not buy until you are back.
        </p>
      )}
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
      <Footer />
      <BasketBar onOpen={() => setDrawer('open')} />
      {drawer !== 'never' && (
        <Guard
          onFailure={() => {
            setDrawer('never');
            toast('Your basket could not be shown. Check your connection and try again.', 'bad');
          }}
        >
          <BasketDrawer open={drawer === 'open'} onClose={close} />
        </Guard>
      )}
    </>
  );
}
