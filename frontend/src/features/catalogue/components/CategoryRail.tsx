import { useEffect, useRef } from 'react';
import type { Category } from '@/lib/shop-types';
import styles from './CategoryRail.module.css';

interface CategoryRailProps {
  categories: Category[];
  chosen: string[];
  onChoose: (categories: string[]) => void;
}

/** The aisles of the shop, one to go to. */
export function CategoryRail({ categories, chosen, onChoose }: CategoryRailProps) {
  const rail = useRef<HTMLDivElement>(null);
  const first = chosen[0];

  // On a phone the rail is wider than the window: bring the chosen aisle into it.
  useEffect(() => {
    const box = rail.current;
    const item = box?.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (!box || !item) return;
    box.scrollLeft = item.offsetLeft - (box.clientWidth - item.offsetWidth) / 2;
  }, [first, categories]);

  return (
    <nav className={styles.nav} aria-label="Aisles">
      <div className={styles.rail} ref={rail}>
        <button type="button" aria-pressed={chosen.length === 0} onClick={() => onChoose([])}>
          All aisles
        </button>
        {categories.map(({ name, image_url }) => {
          const pressed = chosen.includes(name);
          return (
            <button key={name} type="button" aria-pressed={pressed} onClick={() => onChoose(pressed && chosen.length === 1 ? [] : [name])}>
              <img src={image_url} alt="" width={28} height={28} />
              {name}
            </button>
          );
        })}
      </div>
    </nav>
  );
}
