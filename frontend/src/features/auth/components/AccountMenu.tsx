import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { Icon } from '@/components/Icon';
import { session } from '@/lib/session';
import { useSession } from '@/lib/use-session';
import { useMe } from '../api/get-me';
import styles from './AccountMenu.module.css';

/** The way to sign in, or who is signed in and the way out. */
export function AccountMenu({ signInPath }: { signInPath: string }) {
  const { token } = useSession();
  const me = useMe();
  const menu = useRef<HTMLDetailsElement>(null);

  useEffect(() => {
    const close = (event: Event) => {
      const element = menu.current;
      if (!element?.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== 'Escape') return;
        element.querySelector('summary')?.focus();
      } else if (element.contains(event.target as Node)) return;
      element.open = false;
    };
    document.addEventListener('pointerdown', close);
    document.addEventListener('keydown', close);
    return () => {
      document.removeEventListener('pointerdown', close);
      document.removeEventListener('keydown', close);
    };
  }, []);

  if (token === null) {
    return (
      <Link className={styles.button} to={signInPath}>
        <Icon name="person" />
        <span className={styles.label}>Sign in</span>
      </Link>
    );
  }
  const name = me.data?.username ?? 'Account';
  return (
    <details className={styles.menu} ref={menu}>
      <summary className={styles.button} aria-label={`Account of ${name}`}>
        <Icon name="person" />
        <span className={styles.label}>{name}</span>
      </summary>
      <div className={styles.sheet}>
        <p>
          Signed in as <strong>{name}</strong>
          {me.data && <span className={styles.email}>{me.data.email}</span>}
        </p>
        <button type="button" onClick={() => session.finish('signed-out')}>
          Sign out
        </button>
      </div>
    </details>
  );
}
