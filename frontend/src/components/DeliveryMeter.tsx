import { FREE_DELIVERY_FROM } from '@/config/shop';
import { formatEUR } from '@/lib/money';
import styles from './DeliveryMeter.module.css';
import { Icon } from './Icon';

/** How far it is to free delivery, in cents. */
export function DeliveryMeter({ goods, missing }: { goods: number; missing: number }) {
  const free = missing === 0;
  return (
    <div className={`${styles.meter} ${free ? styles.free : ''}`}>
      <p aria-live="polite">
        <Icon name={free ? 'check' : 'van'} size={20} />
        {free ? (
          'Delivery is free'
        ) : (
          <span>
            <strong className="digits">{formatEUR(missing)}</strong> more for free delivery
          </span>
        )}
      </p>
      <div className={styles.track} aria-hidden="true">
        <div className={styles.fill} style={{ transform: `scaleX(${Math.min(1, goods / FREE_DELIVERY_FROM)})` }} />
      </div>
    </div>
  );
}
