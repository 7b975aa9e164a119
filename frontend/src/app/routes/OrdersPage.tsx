import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useOrders } from '@/features/orders/api/orders';
import { OrderList } from '@/features/orders/components/OrderList';
import { messageFor } from '@/lib/http';
import { Members } from '../Members';
import { useDocumentTitle } from '../use-document-title';
import { useReordered } from '../use-reordered';
import styles from './pages.module.css';

export default function OrdersPage() {
  useDocumentTitle('Orders');
  return <Members>{() => <Orders />}</Members>;
}

function Orders() {
  const orders = useOrders();
  const reordered = useReordered();
  const all = orders.data?.pages.flatMap((p) => p.items);
  return (
    <div className={styles.page}>
      <h1>Orders</h1>
      {orders.isPending ? (
        <p className={styles.wait}>Getting your orders…</p>
      ) : !all ? (
        <EmptyState sign="?" title="We could not get your orders" action={<Button onClick={() => void orders.refetch()}>Try again</Button>}>
          <p>{messageFor(orders.error)}</p>
        </EmptyState>
      ) : all.length === 0 ? (
        <EmptyState sign="0.00" title="Nothing ordered yet" action={<ButtonLink to="/">Look around</ButtonLink>}>
          <p>What you order stands here, to look at and to order again.</p>
        </EmptyState>
      ) : (
        <>
          <OrderList orders={all} onReordered={reordered} />
          {orders.hasNextPage && (
            <div className={styles.more}>
              <Button look="outline" busy={orders.isFetchingNextPage} onClick={() => void orders.fetchNextPage()}>
                Earlier orders
              </Button>
            </div>
          )}
        </>
      )}
    </div>
  );
}
