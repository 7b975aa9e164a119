import { Link, Navigate, useLocation } from 'react-router';
import { RegisterForm } from '@/features/auth/components/RegisterForm';
import { useSession } from '@/lib/use-session';
import { nextOf, withNext } from '../paths';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

export default function RegisterPage() {
  const { search } = useLocation();
  const { who } = useSession();
  useDocumentTitle('Create an account');
  const next = nextOf(search) ?? '/';
  if (who === 'member') return <Navigate to={next} replace />;
  return (
    <div className={styles.narrow}>
      <h1>Create an account</h1>
      <RegisterForm />
      <p>
        Have one already? <Link to={withNext('/sign-in', next)}>Sign in</Link>
      </p>
    </div>
  );
}
