import type { ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import type { Me } from '@/lib/shop-types';
import { useSession } from '@/lib/use-session';
import { signInPath } from './paths';
import styles from './routes/pages.module.css';

/** A page for who is signed in. Guests are led to the sign-in, and back again. */
export function Members({ children }: { children: (me: Me) => ReactNode }) {
  const { user, who, end } = useSession();
  const location = useLocation();
  if (user) return children(user);
  if (who === 'unknown') return <p className={styles.wait}>One moment…</p>;
  // Whoever has just signed out does not want to be asked for a password.
  return <Navigate to={end === 'signed-out' ? '/' : signInPath(location)} replace />;
}
