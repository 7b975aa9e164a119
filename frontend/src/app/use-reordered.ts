import { useNavigate } from 'react-router';
import { useToast } from '@/components/Toasts';
import { useBasketStore } from '@/features/basket/basket-context';
import type { Reordered } from '@/lib/shop-types';

/** The goods of an earlier order are in the basket: shows it, and says what is missing. */
export function useReordered() {
  const store = useBasketStore();
  const navigate = useNavigate();
  const toast = useToast();
  return ({ basket, left_out }: Reordered) => {
    store.adopt(basket);
    const named = (fewer: boolean) => left_out.filter((l) => (l.reason === 'too_few') === fewer).map((l) => l.name).join(', ');
    if (named(false) !== '') toast(`Not in your basket, because we do not have it at the moment: ${named(false)}.`, 'bad');
    if (named(true) !== '') toast(`Less in your basket than you had, because it is all we have: ${named(true)}.`, 'bad');
    void navigate('/basket');
  };
}
