import { useEffect, useRef } from 'react';
import { Link, useLocation } from 'react-router';
import { Icon, type IconName } from '@/components/Icon';
import { pictureURL } from '@/lib/api-client';
import { session } from '@/lib/session';
import { useSession } from '@/lib/use-session';
import styles from './AccountMenu.module.css';

interface AccountMenuProps {
  signInPath: string;
  links: { to: string; label: string; icon: IconName }[];
}

/** The way to sign in, or who is signed in, what is theirs, and the way out. */
export function AccountMenu({ signInPath, links }: AccountMenuProps) {
  const { who, user } = useSession();
  const menu = useRef<HTMLDetailsElement>(null);
  const { key } = useLocation();

  useEffect(() => {
    if (menu.current) menu.current.open = false;
  }, [key]);

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

  if (who === 'guest') {
    return (
      <Link className={styles.button} to={signInPath}>
        <Icon name="person" />
        <span className={styles.label}>Sign in</span>
      </Link>
    );
  }
  // The shop has not said yet who it is: the place is kept.
  if (!user) return <span className={styles.button} aria-hidden="true" />;
  return (
    <details className={styles.menu} ref={menu}>
      <summary className={styles.button} aria-label={`Account of ${user.username}`}>
        <img className={styles.picture} src={pictureURL(user.avatar_url)} alt="" width={32} height={32} />
        <span className={styles.label}>{user.username}</span>
      </summary>
      <div className={styles.sheet}>
        <p>
          Signed in as <strong>{user.username}</strong>
          <span className={styles.email}>{user.email}</span>
        </p>
        <ul>
          {links.map(({ to, label, icon }) => (
            <li key={to}>
              <Link to={to}>
                <Icon name={icon} size={20} /> {label}
              </Link>
            </li>
          ))}
        </ul>
        <button type="button" onClick={() => void session.signOut()}>
          <Icon name="leave" size={20} /> Sign out
        </button>
      </div>
    </details>
  );
}
