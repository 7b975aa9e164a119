import { ButtonLink } from '@/components/Button';
import { BasketView } from '@/features/basket/components/BasketView';
import { Action } from '../goods';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

export default function BasketPage() {
  useDocumentTitle('Basket');
  return (
    <div className={styles.page}>
      <h1>Your basket</h1>
      <BasketView
        layout="page"
        Action={Action}
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
