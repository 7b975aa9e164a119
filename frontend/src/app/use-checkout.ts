import { useRef, useState } from 'react';
import { ApiError, messageFor, NetworkError } from '@/lib/api-client';
import { confirmAge } from '@/features/age/api/confirm-age';
import { useAgeGate } from '@/features/age/age-gate';
import { purchase } from '@/features/basket/api/purchase';
import { useBasketStore } from '@/features/basket/basket-context';
import type { Position, Totals } from '@/features/basket/lines';
import { ADULT_AGE } from '@/config/shop';

interface Sold {
  positions: Position[];
  totals: Totals;
}

/** Buys the basket, once however often the button is pressed. */
export function useCheckout(onSold: (message: string, sold: Sold) => void) {
  const store = useBasketStore();
  const age = useAgeGate();
  const [state, setState] = useState<{ busy: boolean; done: boolean; problem: string | null }>({ busy: false, done: false, problem: null });
  const running = useRef(false);

  const buy = async (positions: Position[], totals: Totals) => {
    if (running.current) return;
    running.current = true;
    setState({ busy: true, done: false, problem: null });
    const fail = (problem: string | null) => setState({ busy: false, done: false, problem });
    const succeed = (message: string) => {
      setState({ busy: false, done: true, problem: null });
      store.sold();
      onSold(message, { positions, totals });
    };
    try {
      await store.settled();
      if (positions.some((p) => p.product?.isAlcohol)) {
        if (!(await age.ensure())) return fail(`We sell alcohol to people of ${ADULT_AGE} or older only. Take it out of the basket to buy the rest.`);
        if (!(await confirmAge())) return fail(`Your account says that you are not yet ${ADULT_AGE}. Take the alcohol out of the basket to buy the rest.`);
      }
      succeed(await purchase(positions.map((p) => p.productId)));
    } catch (error) {
      if (error instanceof NetworkError) {
        // The answer got lost, the purchase perhaps not: an emptied basket tells.
        await store.reload();
        const { status, problem, lines } = store.state;
        if (status === 'ready' && problem === null && lines.length === 0) return succeed('Your order went through, although the connection broke.');
      } else if (error instanceof ApiError && error.status !== 401) {
        void store.reload();
      }
      fail(messageFor(error));
    } finally {
      running.current = false;
    }
  };
  return { ...state, buy };
}
