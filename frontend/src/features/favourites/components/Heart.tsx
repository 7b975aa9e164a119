import { Icon } from '@/components/Icon';
import type { Product } from '@/lib/shop-types';
import { useHearts } from '../favourites-context';
import styles from './Heart.module.css';

/** Marks a product as a favourite; labelled, it says in words what it does. */
export function Heart({ product, labelled }: { product: Product; labelled?: boolean }) {
  const { marked, toggle } = useHearts();
  const on = marked.has(product.id);
  return (
    <button
      type="button"
      className={`${styles.heart} ${on ? styles.marked : ''} ${labelled ? styles.labelled : ''}`}
      aria-pressed={on}
      aria-label={labelled ? undefined : `Favourite: ${product.name}`}
      onClick={() => toggle(product)}
    >
      <Icon name="heart" size={20} filled={on} />
      {labelled && 'Favourite'}
    </button>
  );
}
