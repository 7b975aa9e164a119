import type { ReactNode } from 'react';
import styles from './EmptyState.module.css';

interface EmptyStateProps {
  /** What the label at the empty shelf says. */
  sign: string;
  title: string;
  level?: 1 | 2;
  children?: ReactNode;
  /** What to do next. */
  action?: ReactNode;
}

/** What stands where there is nothing to show: an empty shelf, why it is empty, and the way on. */
export function EmptyState({ sign, title, level = 2, children, action }: EmptyStateProps) {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className={styles.empty}>
      <div className={styles.shelf} aria-hidden="true">
        <span>{sign}</span>
      </div>
      <Heading tabIndex={-1}>{title}</Heading>
      {children && <div className={styles.text}>{children}</div>}
      {action && <div className={styles.action}>{action}</div>}
    </div>
  );
}
