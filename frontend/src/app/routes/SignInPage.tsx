import { Link, Navigate, useLocation } from 'react-router';
import { Notice } from '@/components/Notice';
import { SignInForm } from '@/features/auth/components/SignInForm';
import { useSession } from '@/lib/use-session';
import { nextOf, withNext } from '../paths';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

export default function SignInPage() {
  const { search } = useLocation();
  const { who, end } = useSession();
  useDocumentTitle('Sign in');
  const next = nextOf(search) ?? '/';
  if (who === 'member') return <Navigate to={next} replace />;
  return (
    <div className={styles.narrow}>
      <h1>Sign in</h1>
      {end === 'expired' && <Notice>Your session ran out. Sign in again to go on.</Notice>}
      {next.startsWith('/checkout') && end !== 'expired' && <Notice>Sign in to buy. What is in your basket comes along.</Notice>}
      <SignInForm />
      <p>
        New here? <Link to={withNext('/register', next)}>Create an account</Link>
      </p>
    </div>
  );
}
