import type { ComponentType, ReactNode } from 'react';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { DeliveryMeter } from '@/components/DeliveryMeter';
import { Notice } from '@/components/Notice';
import { Totals } from '@/components/Totals';
import type { Product } from '@/lib/shop-types';
import { useBasketStore, usePricedBasket } from '../basket-context';
import { BasketLines } from './BasketLines';
import styles from './BasketView.module.css';

interface BasketViewProps {
  Action: ComponentType<{ product: Product; look: 'plain' }>;
  /** The way to the goods, shown while there are none. */
  browse: ReactNode;
  /** The way on, shown below the total. */
  next: ReactNode;
  /** `column` scrolls between a fixed head and foot; `page` stands side by side where there is room. */
  layout: 'column' | 'page';
  /** Somebody goes to a product from here. */
  onLeave?: () => void;
}

/** The basket in whatever state it is. */
export function BasketView({ Action, browse, next, layout, onLeave }: BasketViewProps) {
  const { basket, positions, totals } = usePricedBasket();
  const store = useBasketStore();
  const { status, problem } = basket;

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
        <BasketLines positions={positions} Action={Action} onRemove={(id) => void store.set(id, 0)} onLeave={onLeave} />
      </div>
      <div className={styles.foot}>
        <DeliveryMeter goods={totals.goods} missing={totals.missing} />
        <Totals goods={totals.goods} delivery={totals.delivery} total={totals.total} />
        {next}
      </div>
    </div>
  );
}
