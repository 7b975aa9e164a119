import { memo, type ComponentType } from 'react';
import { Link } from 'react-router';
import { PriceLabel } from '@/components/PriceLabel';
import { ADULT_AGE } from '@/config/shop';
import type { Product } from '@/lib/shop-types';
import styles from './ProductCard.module.css';

/** What can be done with a product; the app brings it, the catalogue knows neither baskets nor favourites. */
export interface ProductParts {
  Action: ComponentType<{ product: Product; look?: 'plain' | 'upright' | 'labelled' }>;
  Mark: ComponentType<{ product: Product; labelled?: boolean }>;
}

interface ProductCardProps extends ProductParts {
  product: Product;
  /** The picture is in the first window: load it at once. */
  eager?: boolean;
}

/** So few that it is worth saying. */
export const FEW = 5;

export const ProductCard = memo(function ProductCard({ product, Action, Mark, eager }: ProductCardProps) {
  const { rating, stock } = product;
  return (
    <li className={`${styles.card} ${stock === 0 ? styles.out : ''}`} data-product={product.id}>
      <div className={styles.stand}>
        <img src={product.image_url} alt="" width={256} height={256} loading={eager ? 'eager' : 'lazy'} decoding="async" />
        {product.is_alcohol && <span className={styles.age}>{ADULT_AGE}+</span>}
        <div className={styles.mark}>
          <Mark product={product} />
        </div>
      </div>
      <div className={styles.edge}>
        <PriceLabel cents={product.price_cents} />
        <div className={styles.action}>
          <Action product={product} look="upright" />
        </div>
      </div>
      <h3 className={styles.name}>
        <Link to={`/product/${product.id}`}>{product.name}</Link>
      </h3>
      <p className={styles.pack}>
        {product.pack && <span>{product.pack}</span>}
        {stock > 0 && stock <= FEW ? (
          <strong className={styles.few}>Only {stock} left</strong>
        ) : (
          rating.average !== null && (
            <span className={`${styles.rating} digits`}>
              <span aria-hidden="true">★ </span>
              {rating.average.toFixed(1)}
              <span className="visually-hidden"> of 5 stars</span>
            </span>
          )
        )}
      </p>
    </li>
  );
});
