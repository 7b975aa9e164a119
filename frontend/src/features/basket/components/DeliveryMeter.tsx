import { Icon } from '@/components/Icon';
import { FREE_DELIVERY_FROM } from '@/config/shop';
import { formatEUR } from '@/lib/money';
import type { Totals } from '../lines';
import styles from './DeliveryMeter.module.css';

/** How far it is to free delivery. */
export function DeliveryMeter({ totals }: { totals: Totals }) {
  const free = totals.missing === 0;
  return (
    <div className={`${styles.meter} ${free ? styles.free : ''}`}>
      <p aria-live="polite">
        <Icon name={free ? 'check' : 'van'} size={20} />
        {free ? (
          'Delivery is free'
        ) : (
          <span>
            <strong className="digits">{formatEUR(totals.missing)}</strong> more for free delivery
          </span>
        )}
      </p>
      <div className={styles.track} aria-hidden="true">
        <div className={styles.fill} style={{ transform: `scaleX(${Math.min(1, totals.goods / FREE_DELIVERY_FROM)})` }} />
      </div>
    </div>
  );
}
