import { Stepper } from '@/components/Stepper';
import { useBasketStore, useQuantity } from '../basket-context';

interface BasketControlProps {
  productId: number;
  name: string;
  look?: 'upright' | 'labelled';
  /** Asked before more of it goes in; false leaves the basket as it is. */
  mayAdd?: () => Promise<boolean>;
}

/** Puts a product in and out of the basket. */
export function BasketControl({ productId, name, look, mayAdd }: BasketControlProps) {
  const quantity = useQuantity(productId);
  const store = useBasketStore();
  const change = async (next: number) => {
    if (next > quantity && mayAdd && !(await mayAdd())) return;
    await store.set(productId, next);
  };
  return <Stepper name={name} quantity={quantity} look={look} onChange={(q) => void change(q)} />;
}
