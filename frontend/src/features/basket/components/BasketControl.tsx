import { Stepper } from '@/components/Stepper';
import { MAX_QUANTITY } from '@/config/shop';
import type { Product } from '@/lib/shop-types';
import { useBasketStore, useQuantity } from '../basket-context';

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
  const change = async (next: number) => {
    if (next > quantity && mayAdd && !(await mayAdd())) return;
    await store.set(product.id, next, product);
  };
  return <Stepper name={product.name} quantity={quantity} most={Math.min(product.stock, MAX_QUANTITY)} look={look} onChange={(q) => void change(q)} />;
}
