import type { ReactNode } from 'react';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Notice } from '@/components/Notice';
import { useBasket, useBasketStore } from '../basket-context';
import type { Position, Totals as Sums } from '../lines';
import { BasketLines } from './BasketLines';
import styles from './BasketView.module.css';
import { DeliveryMeter } from './DeliveryMeter';
import { Totals } from './Totals';

interface BasketViewProps {
  positions: Position[];
  totals: Sums;
  onChange: (productId: number, quantity: number) => void;
  /** The way to the goods, shown while there are none. */
  browse: ReactNode;
  /** The way on, shown below the total. */
  next: ReactNode;
  /** `column` scrolls between a fixed head and foot; `page` stands side by side where there is room. */
  layout: 'column' | 'page';
}

/** The basket in whatever state it is. */
export function BasketView({ positions, totals, onChange, browse, next, layout }: BasketViewProps) {
  const { status, problem } = useBasket();
  const store = useBasketStore();

  if (status === 'loading') return <p className={styles.wait}>Getting your basket…</p>;
  if (status === 'failed') {
    return (
      <EmptyState sign="?" title="We could not get your basket" action={<Button onClick={() => void store.reload()}>Try again</Button>}>
        <p>{problem} What you put in earlier is still there.</p>
      </EmptyState>
    );
  }
  if (positions.length === 0) {
    return (
      <EmptyState sign="0.00" title="Your basket is empty" action={browse}>
        {problem ? <Notice tone="bad">{problem}</Notice> : <p>Put something in and it will wait for you here.</p>}
      </EmptyState>
    );
  }
  return (
    <div className={`${styles.basket} ${styles[layout]}`}>
      <div className={styles.goods}>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <BasketLines positions={positions} onChange={onChange} />
      </div>
      <div className={styles.foot}>
        <DeliveryMeter totals={totals} />
        <Totals totals={totals} />
        {next}
      </div>
    </div>
  );
}
