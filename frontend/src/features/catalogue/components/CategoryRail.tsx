import { useEffect, useRef } from 'react';
import styles from './CategoryRail.module.css';

interface CategoryRailProps {
  categories: { name: string; picture: string; count: number }[];
  chosen: string;
  onChoose: (category: string) => void;
}

/** The aisles of the shop, one to choose. */
export function CategoryRail({ categories, chosen, onChoose }: CategoryRailProps) {
  const rail = useRef<HTMLDivElement>(null);

  // On a phone the rail is wider than the window: bring the chosen aisle into it.
  useEffect(() => {
    const box = rail.current;
    const item = box?.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (!box || !item) return;
    box.scrollLeft = item.offsetLeft - (box.clientWidth - item.offsetWidth) / 2;
  }, [chosen]);

  return (
    <nav className={styles.nav} aria-label="Aisles">
      <div className={styles.rail} ref={rail}>
        <button type="button" aria-pressed={chosen === ''} onClick={() => onChoose('')}>
          All aisles
        </button>
        {categories.map((c) => (
          <button key={c.name} type="button" aria-pressed={chosen === c.name} onClick={() => onChoose(chosen === c.name ? '' : c.name)}>
            <img src={c.picture} alt="" width={28} height={28} />
            {c.name}
          </button>
        ))}
      </div>
    </nav>
  );
}
