import { Link } from 'react-router';
import { AddressLines } from '@/components/AddressLines';
import { Totals } from '@/components/Totals';
import { formatTime } from '@/lib/dates';
import { formatEUR } from '@/lib/money';
import type { Order } from '@/lib/shop-types';
import styles from './orders.module.css';
import { OrderStatus } from './OrderStatus';

const PAID: Record<string, string> = { cash_on_delivery: 'Cash at the door', card: 'Card' };

interface ReceiptProps {
  order: Order;
  /** The shop only plays that it takes money from cards. */
  testCards: boolean;
}

/** An order as a receipt, on the screen and on paper. */
export function Receipt({ order, testCards }: ReceiptProps) {
  const { address, payment } = order;
  return (
    <article className={styles.receipt} aria-label={`Receipt ${order.number}`}>
      <header className={styles.head}>
        <div>
          <p className={styles.shop}>Grocery</p>
          <p className={styles.soft}>
            Order <strong>{order.number}</strong>, <time dateTime={order.created_at}>{formatTime(order.created_at)}</time>
          </p>
        </div>
        <OrderStatus status={order.status} />
      </header>
      <table className="digits">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Price</th>
            <th scope="col">Number</th>
            <th scope="col">Sum</th>
          </tr>
        </thead>
        <tbody>
          {order.items.map((item, i) => (
            <tr key={i}>
              <th scope="row">
                <span className={styles.item}>
                  {item.image_url && <img src={item.image_url} alt="" width={36} height={36} />}
                  {item.product_id === null ? item.name : <Link to={`/product/${item.product_id}`}>{item.name}</Link>}
                </span>
              </th>
              <td>{formatEUR(item.price_cents)}</td>
              <td>{item.quantity}</td>
              <td>{formatEUR(item.line_cents)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className={styles.sums}>
        <Totals goods={order.subtotal_cents} delivery={order.delivery_cents} total={order.total_cents} />
      </div>
      <div className={styles.facts}>
        {address && (
          <section>
            <h2>Delivered to</h2>
            <AddressLines address={address}>
              {address.phone && (
                <>
                  <br />
                  {address.phone}
                </>
              )}
            </AddressLines>
            {address.note && <p className={styles.soft}>“{address.note}”</p>}
          </section>
        )}
        <section>
          <h2>Payment</h2>
          <p>
            {PAID[payment.method] ?? payment.method}
            {payment.last4 && ` ending in ${payment.last4}`}
          </p>
          {payment.method === 'card' && testCards && <p>This was a test: no money was taken.</p>}
          <p className={styles.soft}>Prices include VAT.</p>
        </section>
      </div>
    </article>
  );
}
