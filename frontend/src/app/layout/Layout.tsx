import { useEffect, useRef, useState, type ReactNode } from 'react';
import { NavigationType, useLocation, useNavigationType } from 'react-router';
import { useToast } from '@/components/Toasts';
import { useBasket } from '@/features/basket/basket-context';
import { useOnline } from '@/lib/use-online';
import { useSession } from '@/lib/use-session';
import { BasketBar } from './BasketBar';
import { BasketDrawer } from './BasketDrawer';
import { Footer } from './Footer';
import { Header } from './Header';
import styles from './Layout.module.css';

/** What surrounds every page. */
export function Layout({ children }: { children: ReactNode }) {
  const [drawer, setDrawer] = useState(false);
  const { pathname } = useLocation();
  const navigation = useNavigationType();
  const main = useRef<HTMLElement>(null);
  const online = useOnline();
  const { problem } = useBasket();
  const { end } = useSession();
  const toast = useToast();

  // Another page: its beginning is what one sees and where the keyboard goes on.
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    setDrawer(false);
    if (navigation !== NavigationType.Pop) window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname, navigation]);

  useEffect(() => {
    if (problem) toast(problem, 'bad');
  }, [problem, toast]);

  useEffect(() => {
    if (end === 'expired') toast('You have been signed out because your session ran out. Your basket is kept.');
  }, [end, toast]);

  return (
    <>
      <a className={styles.skip} href="#main">
        Skip to the goods
      </a>
      <Header onOpenBasket={() => setDrawer(true)} />
      {!online && (
        <p className={styles.offline} role="status">
          You are offline. You can look around, but not buy until you are back.
        </p>
      )}
      <main id="main" ref={main} tabIndex={-1} className={styles.main}>
        {children}
      </main>
      <Footer />
      <BasketBar onOpen={() => setDrawer(true)} />
      <BasketDrawer open={drawer} onClose={() => setDrawer(false)} />
    </>
  );
}
