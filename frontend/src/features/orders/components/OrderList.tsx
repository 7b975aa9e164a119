import { Link } from 'react-router';
import { formatDay } from '@/lib/dates';
import { formatEUR } from '@/lib/money';
import type { Order } from '@/lib/shop-types';
import styles from './orders.module.css';
import { OrderStatus } from './OrderStatus';
import { ReorderButton } from './ReorderButton';

const PICTURES = 6;

/** Orders as cards, each leading to its page. */
export function OrderList({ orders, onReordered }: { orders: Order[]; onReordered: Parameters<typeof ReorderButton>[0]['onReordered'] }) {
  return (
    <ul className={styles.list}>
      {orders.map((order) => {
        const units = order.items.reduce((sum, i) => sum + i.quantity, 0);
        return (
          <li key={order.id} className={styles.card} data-order={order.id}>
            <div className={styles.head}>
              <h2>
                <Link to={`/orders/${order.id}`}>{order.number}</Link>
              </h2>
              <OrderStatus status={order.status} />
            </div>
            <p className={styles.soft}>
              <time dateTime={order.created_at}>{formatDay(order.created_at)}</time>, {units} {units === 1 ? 'item' : 'items'},{' '}
              <strong className="digits">{formatEUR(order.total_cents)}</strong>
            </p>
            <div className={styles.pictures} aria-hidden="true">
              {order.items.slice(0, PICTURES).map((item, i) => item.image_url && <img key={i} src={item.image_url} alt="" width={48} height={48} loading="lazy" />)}
              {order.items.length > PICTURES && <span>+{order.items.length - PICTURES}</span>}
            </div>
            <div className={styles.action}>
              <ReorderButton order={order} onReordered={onReordered} />
            </div>
          </li>
        );
      })}
    </ul>
  );
}
