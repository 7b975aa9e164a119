import { formatEUR } from '@/lib/money';
import type { Position } from '@/features/basket/lines';
import styles from './routes/pages.module.css';

/** What is bought, to read. */
export function GoodsList({ positions }: { positions: Position[] }) {
  return (
    <ul className={styles.goods}>
      {positions.map(
        ({ productId, product, quantity }) =>
          product && (
            <li key={productId}>
              <img src={product.image} alt="" width={44} height={44} />
              <span>
                {quantity > 1 && <strong className="digits">{quantity} × </strong>}
                {product.name}
              </span>
              <span className="digits">{formatEUR(product.cents * quantity)}</span>
            </li>
          ),
      )}
    </ul>
  );
}
