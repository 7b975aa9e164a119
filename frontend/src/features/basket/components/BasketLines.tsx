import { Link } from 'react-router';
import { Button } from '@/components/Button';
import { Stepper } from '@/components/Stepper';
import { formatEUR } from '@/lib/money';
import type { Position } from '../lines';
import styles from './BasketLines.module.css';

interface BasketLinesProps {
  positions: Position[];
  onChange: (productId: number, quantity: number) => void;
}

/** The goods in the basket, each with its quantity and what it comes to. */
export function BasketLines({ positions, onChange }: BasketLinesProps) {
  return (
    <ul className={styles.lines} aria-label="Goods in your basket">
      {positions.map(({ productId, product, quantity }) =>
        product ? (
          <li key={productId} className={styles.line} data-line={productId}>
            <img src={product.image} alt="" width={56} height={56} />
            <div className={styles.what}>
              <Link to={`/product/${productId}`}>{product.name}</Link>
              <p>
                {product.pack && `${product.pack}, `}
                {formatEUR(product.cents)}
              </p>
            </div>
            <strong className={`${styles.sum} digits`}>{formatEUR(product.cents * quantity)}</strong>
            <div className={styles.stepper}>
              <Stepper name={product.name} quantity={quantity} onChange={(q) => onChange(productId, q)} />
            </div>
          </li>
        ) : (
          <li key={productId} className={styles.line} data-line={productId}>
            <div className={styles.gone}>No longer on our shelves</div>
            <Button look="outline" onClick={() => onChange(productId, 0)}>
              Remove
            </Button>
          </li>
        ),
      )}
    </ul>
  );
}
