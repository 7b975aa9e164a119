import { useParams } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { Notice } from '@/components/Notice';
import { Steps } from '@/features/checkout/components/Steps';
import { useOrder } from '@/features/orders/api/orders';
import { Receipt } from '@/features/orders/components/Receipt';
import { messageFor } from '@/lib/http';
import { Members } from '../Members';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';
import thanks from './ThanksPage.module.css';

const SHOWN = 5;

export default function ThanksPage() {
  const { id = '' } = useParams();
  return <Members>{() => <Thanks id={Number(id)} />}</Members>;
}

function Thanks({ id }: { id: number }) {
  const { data: order, error, isPending, refetch } = useOrder(id);
  useDocumentTitle('Thank you');
  if (isPending) return <p className={styles.wait}>Getting your order…</p>;
  if (!order) {
    return (
      <div className={styles.narrow}>
        <Notice tone="bad">
          {messageFor(error)}
          <Button look="outline" onClick={() => void refetch()}>
            Try again
          </Button>
        </Notice>
      </div>
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
        {order.status === 'placed' && <h1>It’s on its way</h1>}
        {order.status === 'pending' && <h1>Waiting for your payment</h1>}
        {order.status === 'cancelled' && <h1>This order was cancelled</h1>}
        <p className={styles.soft} role="status">
          {order.status === 'placed' && `Thank you. Your order ${order.number} is placed.`}
          {order.status === 'pending' && 'We have your order, and hold your goods until the payment is confirmed. This page tells you when it is.'}
          {order.status === 'cancelled' && 'The payment did not go through, and nothing was taken. Your goods are back on our shelves.'}
        </p>
        <div className={styles.actions}>
          <ButtonLink to="/">Back to the shop</ButtonLink>
          <ButtonLink to="/orders" look="outline">
            Your orders
          </ButtonLink>
        </div>
      </div>
      <Receipt order={order} />
    </div>
  );
}
