import { Link, Navigate, useNavigate } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Notice } from '@/components/Notice';
import { DeliveryMeter } from '@/features/basket/components/DeliveryMeter';
import { Totals } from '@/features/basket/components/Totals';
import { formatEUR } from '@/lib/money';
import { useSession } from '@/lib/use-session';
import { GoodsList } from '../GoodsList';
import { withNext } from '../paths';
import { useCheckout } from '../use-checkout';
import { useDocumentTitle } from '../use-document-title';
import { usePricedBasket } from '../use-priced-basket';
import styles from './pages.module.css';
import type { Receipt } from './ThanksPage';

/** The last look before buying. */
export default function CheckoutPage() {
  const { token } = useSession();
  const { basket, store, products, positions, totals } = usePricedBasket();
  const navigate = useNavigate();
  useDocumentTitle('Checkout');
  const checkout = useCheckout((message, sold) => {
    const receipt: Receipt = { message, goods: sold.positions, totals: sold.totals };
    void navigate('/thanks', { state: receipt, replace: true });
  });

  if (token === null) return <Navigate to={withNext('/sign-in', '/checkout')} replace />;
  if (checkout.done || basket.status === 'loading' || products.isPending) return <p className={styles.wait}>Getting your basket…</p>;
  if (basket.status === 'failed' || !products.data) {
    return (
      <EmptyState
        level={1}
        sign="?" title="We could not get your basket"
        action={
          <Button
            onClick={() => {
              void store.reload();
              void products.refetch();
            }}
          >
            Try again
          </Button>
        }
      >
        <p>What you put in earlier is still there.</p>
      </EmptyState>
    );
  }
  const gone = positions.some((p) => p.product === null);
  if (totals.units === 0) {
    return (
      <EmptyState level={1} sign="0.00" title="Your basket is empty" action={<ButtonLink to="/">Look around</ButtonLink>}>
        <p>Put something in, then come back to buy it.</p>
      </EmptyState>
    );
  }
  return (
    <div className={styles.page}>
      <h1>Checkout</h1>
      <div className={styles.columns}>
        <section aria-label="Your goods">
          <GoodsList positions={positions} />
          <p className={styles.soft} style={{ marginTop: '1rem' }}>
            <Link to="/basket">Change the basket</Link>
          </p>
        </section>
        <section className={styles.card} aria-label="Summary">
          <DeliveryMeter totals={totals} />
          <Totals totals={totals} />
          {checkout.problem && <Notice tone="bad">{checkout.problem}</Notice>}
          {gone ? (
            <Notice tone="bad">
              Something in your basket is no longer on our shelves. <Link to="/basket">Take it out</Link> to go on.
            </Notice>
          ) : (
            <Button look="pay" wide busy={checkout.busy} onClick={() => void checkout.buy(positions, totals)}>
              Buy now for {formatEUR(totals.total)}
            </Button>
          )}
          <p className={styles.soft}>You pay the driver at the door.</p>
        </section>
      </div>
    </div>
  );
}
