import styles from './Stars.module.css';

/** A rating as five stars, filled to a tenth. Read out in words. */
export function Stars({ rating, size = 1 }: { rating: number; size?: number }) {
  return (
    <span className={styles.stars} style={{ fontSize: `${size}rem` }}>
      <span className="visually-hidden">{rating} of 5 stars</span>
      <span className={styles.row} aria-hidden="true">
        ★★★★★
        <span className={styles.lit} style={{ width: `${(rating / 5) * 100}%` }}>
          ★★★★★
        </span>
      </span>
    </span>
  );
}
