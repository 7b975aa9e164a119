import { useEffect, useRef, useState } from 'react';
import { Link, Navigate, useNavigate, useParams } from 'react-router';
import { AddressLines } from '@/components/AddressLines';
import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Notice } from '@/components/Notice';
import { DeliveryMeter } from '@/components/DeliveryMeter';
import { Totals } from '@/components/Totals';
import { useBasketStore, usePricedBasket } from '@/features/basket/basket-context';
import { useLastAddress } from '@/features/checkout/api/reads';
import { AddressForm } from '@/features/checkout/components/AddressForm';
import { PaymentForm, PaymentSummary } from '@/features/checkout/components/PaymentForm';
import { Steps } from '@/features/checkout/components/Steps';
import { keepTyped, readDraft, useDraft, type Draft } from '@/features/checkout/draft';
import { isStep, STEPS, type Step } from '@/features/checkout/steps';
import { formatEUR } from '@/lib/money';
import type { Me } from '@/lib/shop-types';
import { Members } from '../Members';
import { useCheckout } from '../use-checkout';
import { useDocumentTitle } from '../use-document-title';
import { CheckoutProblem } from './CheckoutProblem';
import { GoodsList } from './GoodsList';
import styles from './pages.module.css';

const HEADINGS = { address: 'Delivery address', payment: 'Payment', review: 'Review' };

/** From the basket to an order: where to, how paid, a last look. */
export default function CheckoutPage() {
  return <Members>{(me) => <Checkout key={me.id} me={me} />}</Members>;
}

function Checkout({ me }: { me: Me }) {
  const { step: asked } = useParams();
  const { basket, positions, totals } = usePricedBasket();
  const store = useBasketStore();
  const navigate = useNavigate();
  const [draft, change] = useDraft(me.id);
  const [done, setDone] = useState(false);
  const last = useLastAddress();
  const checkout = useCheckout(me, (order) => {
    setDone(true);
    void navigate(`/thanks/${order.id}`, { replace: true });
  });
  const { problem } = checkout;
  const wrong = problem?.kind === 'address' ? problem.field : undefined;
  useEffect(() => {
    if (wrong) void navigate('/checkout/address');
  }, [wrong, navigate]);
  const step = nearest(asked, draft);
  useDocumentTitle(`Checkout: ${STEPS[step]}`);

  if (done || basket.status === 'loading') return <p className={styles.wait}>Getting your basket…</p>;
  if (basket.status === 'failed') {
    return (
      <EmptyState level={1} sign="?" title="We could not get your basket" action={<Button onClick={() => void store.reload()}>Try again</Button>}>
        <p>What you put in earlier is still there.</p>
      </EmptyState>
    );
  }
  if (basket.lines.length === 0 && !checkout.open) {
    return (
      <EmptyState level={1} sign="0.00" title="Your basket is empty" action={<ButtonLink to="/">Look around</ButtonLink>}>
        <p>Put something in, then come back to buy it.</p>
      </EmptyState>
    );
  }
  if (step !== asked) return <Navigate to={`/checkout/${step}`} replace />;
  return (
    <div className={styles.page}>
      <h1>Checkout</h1>
      <Steps at={step} />
      <div className={styles.columns}>
        <section aria-labelledby="step" className={styles.step}>
          <StepHeading step={step} />
          {step === 'address' &&
            (last.isLoading ? (
              <p className={styles.soft}>One moment…</p>
            ) : (
              <AddressForm
                address={readDraft(me.id).typed ?? draft.address ?? last.data ?? {}}
                wrong={wrong}
                onType={(typed) => keepTyped(me.id, typed)}
                onDone={(address) => {
                  change({ address, typed: undefined });
                  checkout.clear();
                  void navigate('/checkout/payment');
                }}
              />
            ))}
          {step === 'payment' && (
            <PaymentForm
              payment={draft.payment}
              onDone={(payment) => {
                change({ payment });
                void navigate('/checkout/review');
              }}
            />
          )}
          {step === 'review' && <Review draft={draft} />}
        </section>
        <section className={styles.card} aria-label="Summary">
          {step !== 'review' && <GoodsList positions={positions} />}
          {step === 'review' && <DeliveryMeter goods={totals.goods} missing={totals.missing} />}
          <Totals goods={totals.goods} delivery={totals.delivery} total={totals.total} />
          {step === 'review' && draft.address && draft.payment && (
            <>
              <CheckoutProblem problem={problem} onResolved={checkout.clear} />
              {checkout.open && !problem && !checkout.busy && (
                <Notice>Your order was sent, but the answer got lost. Order once more to find out: nothing is bought twice.</Notice>
              )}
              <Button look="pay" wide busy={checkout.busy} onClick={() => void checkout.order({ address: draft.address!, payment: draft.payment! })}>
                Order now for {formatEUR(totals.total)}
              </Button>
            </>
          )}
          <p className={styles.soft}>
            <Link to="/basket">Change the basket</Link>
          </p>
        </section>
      </div>
    </div>
  );
}

/** Names the step. Another one is read out, and the keyboard goes on there. */
function StepHeading({ step }: { step: keyof typeof HEADINGS }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current === step) return;
    shown.current = step;
    // After the page around it has put the focus to its own beginning.
    const frame = requestAnimationFrame(() => heading.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, [step]);
  return (
    <h2 id="step" ref={heading} tabIndex={-1} className={styles.sub}>
      {HEADINGS[step]}
    </h2>
  );
}

function Review({ draft: { address, payment } }: { draft: Draft }) {
  const { positions } = usePricedBasket();
  return (
    <>
      <div className={styles.facts}>
        <section aria-labelledby="to">
          <h2 id="to">Delivered to</h2>
          {address && (
            <AddressLines address={address}>{address.note && <span className={styles.soft}> “{address.note}”</span>}</AddressLines>
          )}
          <Link to="/checkout/address">Change the address</Link>
        </section>
        <section aria-labelledby="paid">
          <h2 id="paid">Paid by</h2>
          {payment && <PaymentSummary payment={payment} />}
          <Link to="/checkout/payment">Change the payment</Link>
        </section>
      </div>
      <h2 className={styles.sub}>Your goods</h2>
      <GoodsList positions={positions} />
    </>
  );
}

/** The step that is asked for, or the first one before it where something is missing. */
function nearest(asked: string | undefined, draft: Draft): Exclude<Step, 'done'> {
  if (!isStep(asked) || asked === 'done' || !draft.address) return 'address';
  return asked === 'review' && !draft.payment ? 'payment' : asked;
}
