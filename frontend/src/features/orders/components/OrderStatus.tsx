import type { Order } from '@/lib/shop-types';
import styles from './orders.module.css';

const WORDS: Record<Order['status'], string> = { placed: 'Placed', pending: 'Waiting for payment', cancelled: 'Cancelled' };

export function OrderStatus({ status }: { status: Order['status'] }) {
  return <span className={`${styles.status} ${styles[status] ?? ''}`}>{WORDS[status] ?? status}</span>;
}
