import { DELIVERY_FEE, FREE_DELIVERY_FROM } from '@/config/shop';
import { shortEUR } from '@/lib/money';
import styles from './Hero.module.css';

const SHOWN = 6;

/** The shop window: what this is, what delivery costs, and a shelf with some of the goods. */
export function Hero({ pictures }: { pictures: string[] }) {
  return (
    <section className={styles.hero} aria-label="Welcome">
      <div className={styles.words}>
        <h1>Fill the fridge from the sofa</h1>
        <p>
          At your door for {shortEUR(DELIVERY_FEE)}. Free from {shortEUR(FREE_DELIVERY_FROM)}.
        </p>
      </div>
      <div className={styles.window} aria-hidden="true">
        {pictures.slice(0, SHOWN).map((picture) => (
          <img key={picture} src={picture} alt="" width={256} height={256} />
        ))}
      </div>
    </section>
  );
}
