import { Icon } from '@/components/Icon';
import { useToast } from '@/components/Toasts';
import { messageFor } from '@/lib/http';
import type { Product } from '@/lib/shop-types';
import { useSession } from '@/lib/use-session';
import { useFavourites, useMark } from '../api/favourites';
import styles from './Heart.module.css';

interface HeartProps {
  product: Product;
  /** Says in words what it does. */
  labelled?: boolean;
  signInPath: string;
}

/** Marks a product as a favourite. Guests are shown the way to an account. */
export function Heart({ product, labelled, signInPath }: HeartProps) {
  const { who } = useSession();
  const favourites = useFavourites();
  const mark = useMark();
  const toast = useToast();
  const marked = favourites.data?.some((p) => p.id === product.id) ?? false;

  const press = () => {
    if (who === 'guest') toast('Sign in to keep your favourites.', 'plain', { label: 'Sign in', to: signInPath });
    else if (who === 'member') mark.mutate({ product, marked: !marked }, { onError: (error) => toast(messageFor(error), 'bad') });
  };
  return (
    <button
      type="button"
      className={`${styles.heart} ${marked ? styles.marked : ''} ${labelled ? styles.labelled : ''}`}
      aria-pressed={marked}
      aria-label={labelled ? undefined : `Favourite: ${product.name}`}
      onClick={press}
    >
      <Icon name="heart" size={20} filled={marked} />
      {labelled && 'Favourite'}
    </button>
  );
}
