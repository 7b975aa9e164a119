import { ButtonLink } from '@/components/Button';
import { BasketView } from '@/features/basket/components/BasketView';
import { useDocumentTitle } from '../use-document-title';
import { usePricedBasket } from '../use-priced-basket';
import styles from './pages.module.css';

export default function BasketPage() {
  const { positions, totals, change } = usePricedBasket();
  useDocumentTitle('Basket');
  return (
    <div className={styles.page}>
      <h1>Your basket</h1>
      <BasketView
        layout="page"
        positions={positions}
        totals={totals}
        onChange={change}
        browse={<ButtonLink to="/">Look around</ButtonLink>}
        next={
          <ButtonLink to="/checkout" look="pay" wide>
            Go to checkout
          </ButtonLink>
        }
      />
    </div>
  );
}
