import { Link, useParams } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Icon } from '@/components/Icon';
import { useOrder } from '@/features/orders/api/orders';
import { Receipt } from '@/features/orders/components/Receipt';
import { ReorderButton } from '@/features/orders/components/ReorderButton';
import { ApiError, messageFor } from '@/lib/http';
import { Members } from '../Members';
import { useDocumentTitle } from '../use-document-title';
import { useReordered } from '../use-reordered';
import { useTestCards } from '../use-test-cards';
import styles from './pages.module.css';

export default function OrderPage() {
  const { id = '' } = useParams();
  return <Members>{() => <OneOrder id={Number(id)} />}</Members>;
}

function OneOrder({ id }: { id: number }) {
  const { data: order, error, isPending, refetch } = useOrder(id);
  const reordered = useReordered();
  const testCards = useTestCards();
  useDocumentTitle(order ? `Order ${order.number}` : 'Order');

  if (isPending) return <p className={styles.wait}>Getting your order…</p>;
  if (!order) {
    const unknown = error instanceof ApiError && error.status < 500;
    return (
      <EmptyState
        level={1}
        sign={unknown ? '404' : '?'}
        title={unknown ? 'No such order' : 'We could not get your order'}
        action={unknown ? <ButtonLink to="/orders">Your orders</ButtonLink> : <Button onClick={() => void refetch()}>Try again</Button>}
      >
        <p>{unknown ? 'This order does not exist, or it is not one of yours.' : messageFor(error)}</p>
      </EmptyState>
    );
  }
  return (
    <div className={`${styles.page} ${styles.paper}`}>
      <p className={styles.noPrint}>
        <Link to="/orders">All orders</Link>
      </p>
      <h1 className={styles.noPrint}>Order {order.number}</h1>
      <Receipt order={order} testCards={testCards} />
      <div className={`${styles.actions} ${styles.noPrint}`}>
        <ReorderButton order={order} onReordered={reordered} />
        <Button look="outline" onClick={() => window.print()}>
          <Icon name="print" size={18} /> Print the receipt
        </Button>
      </div>
    </div>
  );
}
