import { useAgeGate } from '@/features/age/age-gate';
import { BasketControl } from '@/features/basket/components/BasketControl';
import type { Product } from '@/lib/product';

/** What a product offers in the catalogue: the basket's control, behind the age gate where it has to be. */
export function AddToBasket({ product, onShelf }: { product: Product; onShelf?: boolean }) {
  const age = useAgeGate();
  return <BasketControl productId={product.id} name={product.name} look={onShelf ? 'upright' : 'labelled'} mayAdd={product.isAlcohol ? age.ensure : undefined} />;
}
