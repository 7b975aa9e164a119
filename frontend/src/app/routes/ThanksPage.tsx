import { useEffect } from 'react';
import { Link, useParams } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useBasketStore } from '@/features/basket/basket-context';
import { Steps } from '@/features/checkout/components/Steps';
import { useOrder } from '@/features/orders/api/orders';
import { Receipt } from '@/features/orders/components/Receipt';
import { messageFor } from '@/lib/http';
import type { Order } from '@/lib/shop-types';
import { Members } from '../Members';
import { useDocumentTitle } from '../use-document-title';
import { useTestCards } from '../use-test-cards';
import styles from './pages.module.css';
import thanks from './ThanksPage.module.css';

const SHOWN = 5;
const WORDS: Record<Order['status'], string> = { placed: 'It’s on its way', pending: 'Waiting for your payment', cancelled: 'This order was cancelled' };

export default function ThanksPage() {
  const { id = '' } = useParams();
  return <Members>{() => <Thanks id={Number(id)} />}</Members>;
}

function Thanks({ id }: { id: number }) {
  const { data: order, error, isPending, refetch } = useOrder(id);
  const store = useBasketStore();
  const testCards = useTestCards();
  const status = order?.status;
  useDocumentTitle(status ? WORDS[status] : 'Your order');

  // The shop has put the goods back.
  useEffect(() => {
    if (status === 'cancelled') void store.reload();
  }, [status, store]);

  if (isPending) return <p className={styles.wait}>Getting your order…</p>;
  if (!order) {
    return (
      <EmptyState level={1} sign="?" title="We could not get your order" action={<Button onClick={() => void refetch()}>Try again</Button>}>
        <p>{messageFor(error)}</p>
      </EmptyState>
    );
  }
  return (
    <div className={`${styles.page} ${styles.paper}`}>
      <div className={styles.noPrint}>
        <Steps at="done" />
      </div>
      <div className={`${thanks.thanks} ${styles.noPrint}`}>
        <div className={thanks.shelf} aria-hidden="true">
          {order.items.slice(0, SHOWN).map((item, i) => item.image_url && <img key={i} src={item.image_url} alt="" width={96} height={96} />)}
        </div>
        <h1>{WORDS[order.status]}</h1>
        <p className={styles.soft} role="status">
          {order.status === 'placed' && `Thank you. Your order ${order.number} is placed.`}
          {order.status === 'pending' && 'We have your order, and hold your goods until the payment is confirmed. This page tells you when it is.'}
          {order.status === 'cancelled' && (
            <>
              The payment did not go through, and nothing was taken. <Link to="/basket">Your goods are back in your basket</Link>.
            </>
          )}
        </p>
        <div className={styles.actions}>
          <ButtonLink to="/">Back to the shop</ButtonLink>
          <ButtonLink to="/orders" look="outline">
            Your orders
          </ButtonLink>
        </div>
      </div>
      <Receipt order={order} testCards={testCards} />
    </div>
  );
}
