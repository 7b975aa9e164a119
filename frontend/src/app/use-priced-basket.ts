import { useMemo } from 'react';
import { useAgeGate } from '@/features/age/age-gate';
import { useBasket, useBasketStore } from '@/features/basket/basket-context';
import { positionsOf, totalsOf } from '@/features/basket/lines';
import { useProducts } from '@/features/catalogue/api/get-products';

/** The basket joined with the catalogue: what is in it, what it costs, and how to change it. */
export function usePricedBasket() {
  const basket = useBasket();
  const store = useBasketStore();
  const products = useProducts();
  const age = useAgeGate();

  const positions = useMemo(() => positionsOf(basket.lines, products.data ?? []), [basket.lines, products.data]);
  const totals = useMemo(() => totalsOf(positions), [positions]);
  const units = basket.lines.reduce((sum, line) => sum + line.quantity, 0);

  const change = async (productId: number, quantity: number) => {
    const position = positions.find((p) => p.productId === productId);
    if (position?.product?.isAlcohol && quantity > position.quantity && !(await age.ensure())) return;
    await store.set(productId, quantity);
  };
  return { basket, store, products, positions, totals, units, change: (id: number, q: number) => void change(id, q) };
}
