import { useMemo } from 'react';
import { DELIVERY_FEE, FREE_DELIVERY_FROM } from '@/config/shop';
import { formatEUR } from '@/lib/money';
import type { Product } from '@/lib/product';
import styles from './Hero.module.css';

const SHOWN = 6;

/** The shop window: what this is, what delivery costs, and a shelf with some of the goods. */
export function Hero({ goods }: { goods: Product[] }) {
  const window = useMemo(() => display(goods), [goods]);
  return (
    <section className={styles.hero} aria-label="Welcome">
      <div className={styles.words}>
        <h1>Fill the fridge from the sofa</h1>
        <p>
          At your door for {formatEUR(DELIVERY_FEE).replace('.00', '')}. Free from {formatEUR(FREE_DELIVERY_FROM).replace('.00', '')}.
        </p>
      </div>
      <div className={styles.window} aria-hidden="true">
        {window.map((p) => (
          <img key={p.id} src={p.image} alt="" width={256} height={256} />
        ))}
      </div>
    </section>
  );
}

/** One product of as many different aisles as fit, none with alcohol and no picture twice. */
function display(goods: Product[]): Product[] {
  const aisles = new Set<string>();
  const pictures = new Set<string>();
  return goods
    .filter((p) => {
      if (p.isAlcohol || aisles.has(p.category) || pictures.has(p.image)) return false;
      aisles.add(p.category);
      pictures.add(p.image);
      return true;
    })
    .slice(0, SHOWN);
}
