import { formatEUR } from '@/lib/money';
import type { Totals as Sums } from '../lines';
import styles from './Totals.module.css';

/** Goods, delivery and the sum. */
export function Totals({ totals }: { totals: Sums }) {
  return (
    <dl className={`${styles.totals} digits`}>
      <dt>Goods</dt>
      <dd>{formatEUR(totals.goods)}</dd>
      <dt>Delivery</dt>
      <dd>{totals.delivery === 0 ? 'Free' : formatEUR(totals.delivery)}</dd>
      <dt className={styles.total}>Total</dt>
      <dd className={styles.total} data-total>
        {formatEUR(totals.total)}
      </dd>
    </dl>
  );
}
