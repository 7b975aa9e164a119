import { useDeferredValue, type CSSProperties, type ReactNode } from 'react';
import type { Product } from '@/lib/product';
import { ProductCard, type ProductAction } from './ProductCard';
import styles from './Shelf.module.css';

interface ShelfProps {
  products: Product[];
  Action: ProductAction;
  /** The colour of the wall behind the goods, as a hue of 0 to 360. */
  hue: number;
  /** How many pictures stand in the first window. */
  eager?: number;
  heading?: ReactNode;
  label: string;
}

/** Goods on one continuous run of shelf boards. */
export function Shelf({ products, Action, hue, eager = 0, heading, label }: ShelfProps) {
  return (
    <section className={styles.section} aria-label={label} style={{ '--hue': hue } as CSSProperties}>
      {heading}
      <ul className={styles.shelf}>
        {products.map((product, i) => (
          <ProductCard key={product.id} product={product} Action={Action} eager={i < eager} />
        ))}
      </ul>
    </section>
  );
}

const FIRST = 24;

/** At the first drawing gives the first goods only, and the others as soon as the browser has time for them. */
export function useStocked(products: Product[]): Product[] {
  return useDeferredValue(products, products.slice(0, FIRST));
}
