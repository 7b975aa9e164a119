import type { CSSProperties, ReactNode } from 'react';
import type { Product } from '@/lib/shop-types';
import { ProductCard, type ProductParts } from './ProductCard';
import styles from './Shelf.module.css';

interface ShelfProps extends ProductParts {
  products: Product[];
  /** The colour of the wall behind the goods, as a hue of 0 to 360. */
  hue: number;
  /** How many pictures stand in the first window. */
  eager?: number;
  heading?: ReactNode;
  label: string;
}

/** Goods on one continuous run of shelf boards. */
export function Shelf({ products, Action, Mark, hue, eager = 0, heading, label }: ShelfProps) {
  return (
    <section className={styles.section} aria-label={label} style={{ '--hue': hue } as CSSProperties}>
      {heading ?? <h2 className="visually-hidden">{label}</h2>}
      <ul className={styles.shelf}>
        {products.map((product, i) => (
          <ProductCard key={product.id} product={product} Action={Action} Mark={Mark} eager={i < eager} />
        ))}
      </ul>
    </section>
  );
}
