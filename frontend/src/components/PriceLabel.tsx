import { formatEUR, splitEUR } from '@/lib/money';
import styles from './PriceLabel.module.css';

/** A price as a shelf-edge label: a small sign, big euros, raised cents. Read out as a plain amount. */
export function PriceLabel({ cents, large }: { cents: number; large?: boolean }) {
  const price = splitEUR(cents);
  return (
    <span className={`${styles.label} ${large ? styles.large : ''}`}>
      <span className="visually-hidden">{formatEUR(cents)}</span>
      <span className={styles.figure} aria-hidden="true">
        <span className={styles.sign}>€</span>
        <span>{price.euros}</span>
        <span className={styles.cents}>{price.cents}</span>
      </span>
    </span>
  );
}
