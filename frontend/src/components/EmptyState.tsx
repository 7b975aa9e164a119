import type { ReactNode } from 'react';
import styles from './EmptyState.module.css';

interface EmptyStateProps {
  picture?: string;
  title: string;
  level?: 1 | 2;
  children?: ReactNode;
  /** What to do next. */
  action?: ReactNode;
}

/** What stands where there is nothing to show: why, and the way on. An empty shelf, with a picture when there is one. */
export function EmptyState({ picture, title, level = 2, children, action }: EmptyStateProps) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className={styles.empty}>
      <div className={styles.shelf} aria-hidden="true">
        {picture && <img src={picture} alt="" width={96} height={96} />}
      </div>
      <Heading>{title}</Heading>
      {children && <div className={styles.text}>{children}</div>}
      {action && <div className={styles.action}>{action}</div>}
    </div>
  );
}
