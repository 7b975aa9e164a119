import { useLayoutEffect, useRef, type ComponentType, type FocusEvent, type ReactNode } from 'react';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { DeliveryMeter } from '@/components/DeliveryMeter';
import { Notice } from '@/components/Notice';
import { Totals } from '@/components/Totals';
import type { Product } from '@/lib/shop-types';
import { useBasketStore, usePricedBasket } from '../basket-context';
import type { Position } from '../lines';
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
  const around = useNextFocus(positions);

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
      <div {...around}>
        <EmptyState sign="0.00" title="Your basket is empty" action={browse}>
          {problem ? <Notice tone="bad">{problem}</Notice> : <p>Put something in and it will wait for you here.</p>}
        </EmptyState>
      </div>
    );
  }
  return (
    <div {...around} className={`${styles.basket} ${styles[layout]}`}>
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

/** When the line goes that has the keyboard's focus, the focus goes to the line in its place, or to what says that none is left. */
function useNextFocus(positions: Position[]) {
  const ref = useRef<HTMLDivElement>(null);
  const focused = useRef<number | null>(null);
  const shown = useRef(positions);

  useLayoutEffect(() => {
    const place = shown.current.findIndex((p) => p.productId === focused.current);
    shown.current = positions;
    if (place < 0 || positions.some((p) => p.productId === focused.current)) return;
    focused.current = null;
    const lines = ref.current?.querySelectorAll('[data-line]') ?? [];
    const line = lines[Math.min(place, lines.length - 1)];
    const next = line ? (line.querySelector<HTMLElement>('[data-plus]:not(:disabled)') ?? line.querySelector<HTMLElement>('button:not(:disabled), a')) : ref.current?.querySelector<HTMLElement>('h2');
    next?.focus({ preventScroll: true });
  }, [positions]);

  return {
    ref,
    onFocus: ({ target }: FocusEvent) => {
      const line = target.closest<HTMLElement>('[data-line]');
      focused.current = line ? Number(line.dataset.line) : null;
    },
    onBlur: () => {
      focused.current = null;
    },
  };
}
