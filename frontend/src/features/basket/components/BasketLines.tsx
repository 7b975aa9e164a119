import type { ComponentType } from 'react';
import { Link } from 'react-router';
import { Button } from '@/components/Button';
import { formatEUR } from '@/lib/money';
import type { Product } from '@/lib/shop-types';
import type { Position } from '../lines';
import styles from './BasketLines.module.css';

interface BasketLinesProps {
  positions: Position[];
  /** What can be done with a product; the app brings it, with the questions that stand before some goods. */
  Action: ComponentType<{ product: Product; look: 'plain' }>;
  onRemove: (productId: number) => void;
  onLeave?: () => void;
}

/** The goods in the basket, each with its quantity and what it comes to. */
export function BasketLines({ positions, Action, onRemove, onLeave }: BasketLinesProps) {
  return (
    <ul className={styles.lines} aria-label="Goods in your basket">
      {positions.map(({ productId, product, quantity }) =>
        product ? (
          <li key={productId} className={styles.line} data-line={productId}>
            <img src={product.image_url} alt="" width={56} height={56} />
            <div className={styles.what}>
              <Link to={`/product/${productId}`} onClick={onLeave}>
                {product.name}
              </Link>
              <p>
                {product.pack && `${product.pack}, `}
                {formatEUR(product.price_cents)}
              </p>
              {product.stock < quantity && (
                <p className={styles.short}>{product.stock === 0 ? 'Sold out at the moment' : `Only ${product.stock} left`}</p>
              )}
            </div>
            <strong className={`${styles.sum} digits`}>{formatEUR(product.price_cents * quantity)}</strong>
            <div className={styles.stepper}>
              <Action product={product} look="plain" />
            </div>
          </li>
        ) : (
          <li key={productId} className={styles.line} data-line={productId}>
            <div className={styles.gone}>{product === null ? 'No longer on our shelves' : `${quantity} × …`}</div>
            {product === null && (
              <Button look="outline" onClick={() => onRemove(productId)}>
                Remove
              </Button>
            )}
          </li>
        ),
      )}
    </ul>
  );
}
