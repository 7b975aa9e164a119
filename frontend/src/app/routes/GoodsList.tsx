import type { Position } from '@/features/basket/lines';
import { formatEUR } from '@/lib/money';
import styles from './pages.module.css';

/** What is bought, to read. */
export function GoodsList({ positions }: { positions: Position[] }) {
  return (
    <ul className={styles.goods}>
      {positions.map(({ productId, product, quantity }) => (
        <li key={productId}>
          {product ? <img src={product.image_url} alt="" width={44} height={44} /> : <span />}
          <span>
            {quantity > 1 && <strong className="digits">{quantity} × </strong>}
            {product ? product.name : 'No longer on our shelves'}
          </span>
          {product && <span className="digits">{formatEUR(product.price_cents * quantity)}</span>}
        </li>
      ))}
    </ul>
  );
}
