import type { CSSProperties } from 'react';
import { Link } from 'react-router';
import { PriceLabel } from '@/components/PriceLabel';
import { ADULT_AGE } from '@/config/shop';
import type { Product } from '@/lib/product';
import type { ProductAction } from './ProductCard';
import styles from './ProductDetails.module.css';

/** One product with its description and what buyers said about it. */
export function ProductDetails({ product, Action, hue }: { product: Product; Action: ProductAction; hue: number }) {
  return (
    <article className={styles.product} style={{ '--hue': hue } as CSSProperties}>
      <div className={styles.stand}>
        <img src={product.image} alt="" width={256} height={256} />
      </div>
      <div className={styles.text}>
        <p className={styles.aisle}>
          <Link to={`/?category=${encodeURIComponent(product.category)}`}>{product.category}</Link>
        </p>
        <h1>{product.name}</h1>
        {product.pack && <p className={styles.pack}>{product.pack}</p>}
        <div className={styles.buy}>
          <PriceLabel cents={product.cents} large />
          <Action product={product} />
        </div>
        {product.isAlcohol && <p className={styles.age}>Contains alcohol. Sold to people of {ADULT_AGE} or older.</p>}
        <p className={styles.description}>{product.description}</p>
      </div>
      {product.reviews.length > 0 && (
        <section className={styles.reviews} aria-label="Reviews">
          <h2>What buyers say</h2>
          <ul>
            {product.reviews.map((r) => (
              <li key={r.id}>
                <p className={styles.rating}>
                  <span className="visually-hidden">{r.rating} of 5</span>
                  <span aria-hidden="true">
                    {'★'.repeat(Math.round(r.rating))}
                    {'☆'.repeat(Math.max(0, 5 - Math.round(r.rating)))}
                  </span>{' '}
                  <strong>{r.author}</strong>
                </p>
                {r.comment && <p>{r.comment}</p>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  );
}
