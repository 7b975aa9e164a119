import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { ADULT_AGE } from '@/config/shop';
import { useAgeGate } from '@/features/age/age-gate';
import { useBasketStore } from '@/features/basket/basket-context';
import type { BasketState } from '@/features/basket/basket-store';
import { positionsOf, totalsOf } from '@/features/basket/lines';
import { addressField, RULES } from '@/features/checkout/address';
import { openAttempt, placeOrder } from '@/features/checkout/api/place-order';
import { forgetDraft } from '@/features/checkout/draft';
import { ApiError, isPassing, messageFor } from '@/lib/http';
import type { Address, Me, Order, OrderRequest } from '@/lib/shop-types';

interface Short {
  product_id: number;
  name: string;
  available: number;
}

/** Why there is no order yet. */
export type Problem = { text: string } & (
  | { kind: 'plain' | 'card' | 'age' | 'away' }
  | { kind: 'address'; field: keyof Address }
  | { kind: 'total'; total: number | null }
  | { kind: 'stock'; items: Short[] }
);

/** Orders what is in the basket, once however often the button is pressed. */
export function useCheckout(me: Me, onOrdered: (order: Order) => void) {
  const store = useBasketStore();
  const client = useQueryClient();
  const age = useAgeGate();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef(false);

  const fail = (error: unknown) => {
    setProblem(problemOf(error));
    // What the shop knows better than this page is looked up. While it is away the basket stays as it is.
    if (!isPassing(error)) void store.reload();
  };

  const order = async (wish: Pick<OrderRequest, 'address' | 'payment'>) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem(null);
    try {
      const open = openAttempt(me.id);
      const seen = priced(store.state);
      if (open) await store.settled();
      else {
        await store.confirm();
        const { lines, total } = priced(store.state);
        // A change that was on its way has been taken back, or another place was faster: nobody has agreed to this yet.
        if (lines !== seen.lines || total !== seen.total) return setProblem({ kind: 'total', text: store.state.problem ?? 'Your basket has changed.', total });
        if (seen.alcohol && !(await age.confirm())) return setProblem({ kind: 'age', text: `We sell alcohol to people of ${ADULT_AGE} or older only.` });
      }
      // An emptied basket and an order without an answer: it is most likely that order which emptied it.
      const { lines, version } = store.state;
      const body = lines.length === 0 && open ? open.body : { ...wish, basket_version: version, expected_total_cents: seen.total };
      const placed = await placeOrder(me.id, body);
      forgetDraft();
      store.sold();
      client.setQueryData(['order', me.id, placed.id], placed);
      for (const key of ['orders', 'last-address', 'products', 'product', 'reviews']) void client.invalidateQueries({ queryKey: [key] });
      void store.reload();
      onOrdered(placed);
    } catch (error) {
      fail(error);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { busy, problem, clear: () => setProblem(null), open: openAttempt(me.id) !== null, order };
}

/** What an order is about, as the shopper sees it. */
function priced({ lines, products }: BasketState) {
  const positions = positionsOf(lines, products);
  return { lines: JSON.stringify(lines), total: totalsOf(positions).total, alcohol: positions.some((p) => p.product?.is_alcohol) };
}

function problemOf(error: unknown): Problem {
  const text = messageFor(error);
  if (!(error instanceof ApiError)) return { kind: 'away', text: `${text} Press the button again: nothing is bought twice.` };
  const { code, answer, status } = error;
  const field = addressField(answer.field);
  if (field) return { kind: 'address', text: `We cannot deliver to this address. ${RULES[field].title}`, field };
  if (code === 'out_of_stock') return { kind: 'stock', text: 'Somebody was faster: of this there is less than you want.', items: shortOf(answer.items) };
  if (code === 'total_changed') return { kind: 'total', text, total: typeof answer.total_cents === 'number' ? answer.total_cents : null };
  if (code === 'basket_changed') return { kind: 'total', text, total: null };
  if (code === 'card_declined') return { kind: 'card', text };
  if (code === 'age_required') return { kind: 'age', text };
  return status >= 500 ? { kind: 'away', text: `${text} Press the button again: nothing is bought twice.` } : { kind: 'plain', text };
}

function shortOf(items: unknown): Short[] {
  return Array.isArray(items)
    ? items.filter((i: Partial<Short> | null): i is Short => Number.isInteger(i?.product_id) && Number.isInteger(i?.available) && typeof i?.name === 'string')
    : [];
}
