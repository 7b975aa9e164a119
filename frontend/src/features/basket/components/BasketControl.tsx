import { Stepper } from '@/components/Stepper';
import { MAX_QUANTITY } from '@/config/shop';
import type { Product } from '@/lib/shop-types';
import { useBasketStore, useQuantity } from '../basket-context';
import { quantityOf } from '../lines';

interface BasketControlProps {
  product: Product;
  look?: 'plain' | 'upright' | 'labelled';
  /** Asked before more of it goes in; false leaves the basket as it is. */
  mayAdd?: () => Promise<boolean>;
}

/** Puts a product in and out of the basket. */
export function BasketControl({ product, look, mayAdd }: BasketControlProps) {
  const quantity = useQuantity(product.id);
  const store = useBasketStore();
  const most = Math.min(product.stock, MAX_QUANTITY);
  const change = async (next: number) => {
    const more = next - quantity;
    if (more <= 0 || !mayAdd) return store.set(product.id, next, product);
    if (!(await mayAdd())) return;
    // Others may have been pressed for while that was asked.
    const now = quantityOf(store.state.lines, product.id);
    await store.set(product.id, Math.max(now, Math.min(now + more, most)), product);
  };
  return <Stepper name={product.name} quantity={quantity} most={most} look={look} onChange={(q) => void change(q)} />;
}
