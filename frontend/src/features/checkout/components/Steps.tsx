import { Link } from 'react-router';
import { Icon } from '@/components/Icon';
import { STEPS, type Step } from '../steps';
import styles from './checkout.module.css';

/** Where one is on the way to an order; steps that were taken lead back. */
export function Steps({ at }: { at: Step }) {
  const names = Object.keys(STEPS) as Step[];
  const now = names.indexOf(at);
  return (
    <nav aria-label="Checkout">
      <ol className={styles.steps}>
        {names.map((step, i) => (
          <li key={step} aria-current={i === now ? 'step' : undefined} className={i < now || at === 'done' ? styles.taken : ''}>
            <span className={styles.number} aria-hidden="true">
              {i < now || at === 'done' ? <Icon name="check" size={16} /> : i + 1}
            </span>
            {i < now && at !== 'done' ? <Link to={`/checkout/${step}`}>{STEPS[step]}</Link> : <span>{STEPS[step]}</span>}
          </li>
        ))}
      </ol>
    </nav>
  );
}
