import { useState, type FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Notice } from '@/components/Notice';
import { messageFor } from '@/lib/http';
import type { OrderRequest, PaymentMethod } from '@/lib/shop-types';
import { usePaymentMethods } from '../api/reads';
import styles from './checkout.module.css';

type Payment = OrderRequest['payment'];

/** The cards of the test provider, by what becomes of a payment with them. */
export const TEST_CARDS: Record<string, string> = {
  test_ok: 'Card that pays',
  test_slow: 'Card that takes its time',
  test_declined: 'Card that is declined',
};

/** How the order is paid. */
export function PaymentForm({ payment, onDone }: { payment: Payment | undefined; onDone: (payment: Payment) => void }) {
  const methods = usePaymentMethods();
  const [method, setMethod] = useState<PaymentMethod['id'] | undefined>(payment?.method);
  const [card, setCard] = useState(payment?.card_token ?? 'test_ok');

  if (methods.isPending) return <p className={styles.soft}>Looking up how you can pay…</p>;
  if (!methods.data) {
    return (
      <Notice tone="bad">
        {messageFor(methods.error)}
        <Button look="outline" onClick={() => void methods.refetch()}>
          Try again
        </Button>
      </Notice>
    );
  }
  const chosen = methods.data.find((m) => m.id === method) ?? methods.data[0];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (chosen) onDone(chosen.id === 'card' ? { method: 'card', card_token: card } : { method: chosen.id });
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <fieldset className={styles.methods}>
        <legend className="visually-hidden">How do you want to pay?</legend>
        {methods.data.map((m) => (
          <label key={m.id} className={styles.method}>
            <input type="radio" name="method" checked={m === chosen} onChange={() => setMethod(m.id)} />
            <span>
              <strong>{m.name}</strong>
              {m.test && <span className={styles.test}>Test</span>}
              {m.hint && <span className={styles.hint}>{m.hint}</span>}
            </span>
          </label>
        ))}
      </fieldset>
      {chosen?.id === 'card' && chosen.test && (
        <fieldset className={styles.cards}>
          <legend>Test card</legend>
          <p className={styles.soft}>This is a test: no card is needed and no money is taken. Choose what should happen.</p>
          {Object.entries(TEST_CARDS).map(([token, label]) => (
            <label key={token}>
              <input type="radio" name="card" checked={card === token} onChange={() => setCard(token)} />
              {label}
            </label>
          ))}
        </fieldset>
      )}
      <Button type="submit" wide>
        Continue to review
      </Button>
    </form>
  );
}

/** How an order is paid, in a few words. */
export function PaymentSummary({ payment }: { payment: Payment }) {
  const methods = usePaymentMethods();
  const method = methods.data?.find((m) => m.id === payment.method);
  return (
    <p>
      {method?.name ?? (payment.method === 'card' ? 'Card' : 'Cash at the door')}
      {payment.card_token && (
        <>
          <br />
          <span className={styles.soft}>{TEST_CARDS[payment.card_token]}</span>
        </>
      )}
    </p>
  );
}
