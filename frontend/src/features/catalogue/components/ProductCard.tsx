import { memo, type ComponentType } from 'react';
import { Link } from 'react-router';
import { PriceLabel } from '@/components/PriceLabel';
import { ADULT_AGE } from '@/config/shop';
import type { Product } from '@/lib/product';
import styles from './ProductCard.module.css';

/** What can be done with a product; the app brings it, the catalogue does not know baskets. */
export type ProductAction = ComponentType<{ product: Product; onShelf?: boolean }>;

interface ProductCardProps {
  product: Product;
  Action: ProductAction;
  /** The picture is in the first window: load it at once. */
  eager?: boolean;
}

export const ProductCard = memo(function ProductCard({ product, Action, eager }: ProductCardProps) {
  return (
    <li className={styles.card} data-product={product.id}>
      <div className={styles.stand}>
        <img src={product.image} alt="" width={256} height={256} loading={eager ? 'eager' : 'lazy'} decoding="async" />
        {product.isAlcohol && <span className={styles.age}>{ADULT_AGE}+</span>}
      </div>
      <div className={styles.edge}>
        <PriceLabel cents={product.cents} />
        <div className={styles.action}>
          <Action product={product} onShelf />
        </div>
      </div>
      <h3 className={styles.name}>
        <Link to={`/product/${product.id}`}>{product.name}</Link>
      </h3>
      {product.pack && <p className={styles.pack}>{product.pack}</p>}
    </li>
  );
});
