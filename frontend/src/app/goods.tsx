import { useLocation } from 'react-router';
import { useAgeGate } from '@/features/age/age-gate';
import { BasketControl } from '@/features/basket/components/BasketControl';
import { Heart } from '@/features/favourites/components/Heart';
import type { Product } from '@/lib/shop-types';
import { signInPath } from './paths';

/** The basket's control of a product, behind the age gate where it has to be. */
export function Action({ product, look }: { product: Product; look?: 'plain' | 'upright' | 'labelled' }) {
  const age = useAgeGate();
  return <BasketControl product={product} look={look} mayAdd={product.is_alcohol ? age.ensure : undefined} />;
}

/** The mark that makes a product a favourite. */
export function Mark({ product, labelled }: { product: Product; labelled?: boolean }) {
  const location = useLocation();
  return <Heart product={product} labelled={labelled} signInPath={signInPath(location)} />;
}
