import type { ReactNode } from 'react';
import styles from './Notice.module.css';

/** A message inside the page. A failure is read out at once. */
export function Notice({ tone = 'plain', children }: { tone?: 'plain' | 'good' | 'bad'; children: ReactNode }) {
  return (
    <div className={`${styles.notice} ${styles[tone]}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}
