import { createContext, useContext, useMemo, useSyncExternalStore } from 'react';
import type { BasketState, BasketStore } from './basket-store';
import { positionsOf, quantityOf, totalsOf } from './lines';

const Context = createContext<BasketStore | null>(null);
export const BasketProvider = Context;

export function useBasketStore(): BasketStore {
  const store = useContext(Context);
  if (!store) throw new Error('useBasketStore needs a BasketProvider around it');
  return store;
}

export function useBasket(): BasketState {
  const store = useBasketStore();
  return useSyncExternalStore(store.subscribe, () => store.state);
}

/** How many units of a product are in the basket. A component that uses it is drawn again only when that changes. */
export function useQuantity(productId: number): number {
  const store = useBasketStore();
  return useSyncExternalStore(store.subscribe, () => quantityOf(store.state.lines, productId));
}

/** The basket with its goods and what it costs. */
export function usePricedBasket() {
  const basket = useBasket();
  const { lines, products } = basket;
  const positions = useMemo(() => positionsOf(lines, products), [lines, products]);
  const totals = useMemo(() => totalsOf(positions), [positions]);
  const units = lines.reduce((sum, line) => sum + line.quantity, 0);
  return { basket, positions, totals, units };
}
