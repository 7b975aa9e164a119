import type { CSSProperties } from 'react';
import shelf from './Shelf.module.css';
import styles from './ShelfSkeleton.module.css';

/** Empty shelves while the goods are on their way; they take the room that the goods will. */
export function ShelfSkeleton() {
  return (
    <div className={`${shelf.section} ${styles.waiting}`} style={{ '--hue': 320 } as CSSProperties} role="status">
      <span className="visually-hidden">Stocking the shelves…</span>
      <div className={`${shelf.shelf} ${styles.shelf}`} />
    </div>
  );
}
