import { useState, type ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { session } from '@/lib/session';
import type { Me } from '@/lib/shop-types';
import { useSession } from '@/lib/use-session';
import { signInPath } from './paths';
import styles from './routes/pages.module.css';

/** A page for who is signed in. Guests are led to the sign-in, and back again. */
export function Members({ children }: { children: (me: Me) => ReactNode }) {
  const { user, who, end, away } = useSession();
  const [shown, setShown] = useState(false);
  const location = useLocation();
  if (user && !shown) setShown(true);
  if (user) return children(user);
  if (who === 'unknown' && away) {
    return (
      <EmptyState level={1} sign="back soon" title="The shop is closed for a moment" action={<Button onClick={() => session.retry()}>Try again</Button>}>
        <p>We cannot reach the shop at the moment. You are still signed in, and we go on asking.</p>
      </EmptyState>
    );
  }
  if (who === 'unknown') return <p className={styles.wait}>One moment…</p>;
  // Whoever signs out here does not want to be asked for a password.
  return <Navigate to={shown && end === 'signed-out' ? '/' : signInPath(location)} replace />;
}
