import { formatEUR } from '@/lib/money';
import styles from './Totals.module.css';

/** Goods, delivery and the sum, in cents. */
export function Totals({ goods, delivery, total }: { goods: number; delivery: number; total: number }) {
  return (
    <dl className={`${styles.totals} digits`}>
      <dt>Goods</dt>
      <dd>{formatEUR(goods)}</dd>
      <dt>Delivery</dt>
      <dd>{delivery === 0 ? 'Free' : formatEUR(delivery)}</dd>
      <dt className={styles.total}>Total</dt>
      <dd className={styles.total} data-total>
        {formatEUR(total)}
      </dd>
    </dl>
  );
}
