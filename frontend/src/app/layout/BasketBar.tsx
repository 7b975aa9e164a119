import { useLocation } from 'react-router';
import { usePricedBasket } from '@/features/basket/basket-context';
import { formatEUR } from '@/lib/money';
import styles from './BasketBar.module.css';

/** On a phone: the basket at the thumb, as soon as something is in it. */
export function BasketBar({ onOpen }: { onOpen: () => void }) {
  const { pathname } = useLocation();
  const { totals } = usePricedBasket();
  const shops = pathname === '/' || pathname.startsWith('/product/');
  if (!shops || totals.units === 0) return null;
  return (
    <div className={styles.bar}>
      <button type="button" onClick={onOpen}>
        <span className={`${styles.count} digits`}>{totals.units}</span>
        <span className={styles.text}>
          View basket
          <small className="digits">{totals.missing > 0 ? `${formatEUR(totals.missing)} more for free delivery` : 'Delivery is free'}</small>
        </span>
        <span className={`${styles.sum} digits`}>{formatEUR(totals.goods)}</span>
      </button>
    </div>
  );
}
