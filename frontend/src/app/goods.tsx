import { useAgeGate } from '@/features/age/age-gate';
import { BasketControl } from '@/features/basket/components/BasketControl';
import type { Product } from '@/lib/shop-types';

export { Heart as Mark } from '@/features/favourites/components/Heart';

/** The basket's control of a product, behind the age gate where it has to be. */
export function Action({ product, look }: { product: Product; look?: 'plain' | 'upright' | 'labelled' }) {
  const age = useAgeGate();
  return <BasketControl product={product} look={look} mayAdd={product.is_alcohol ? age.ensure : undefined} />;
}
