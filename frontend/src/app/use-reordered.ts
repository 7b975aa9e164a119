import { useNavigate } from 'react-router';
import { useToast } from '@/components/Toasts';
import { useBasketStore } from '@/features/basket/basket-context';
import type { Reordered } from '@/lib/shop-types';

/** The goods of an earlier order are in the basket: shows it, and says what the shop no longer has. */
export function useReordered() {
  const store = useBasketStore();
  const navigate = useNavigate();
  const toast = useToast();
  return ({ basket, left_out }: Reordered) => {
    store.adopt(basket);
    if (left_out.length > 0) toast(`Not in your basket, because we do not have it at the moment: ${left_out.map((l) => l.name).join(', ')}.`, 'bad');
    void navigate('/basket');
  };
}
