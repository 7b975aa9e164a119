import { useEffect, useRef } from 'react';
import { Link } from 'react-router';
import { Button } from '@/components/Button';
import { Notice } from '@/components/Notice';
import { useBasketStore } from '@/features/basket/basket-context';
import { formatEUR } from '@/lib/money';
import type { Problem } from '../use-checkout';
import styles from './pages.module.css';

/** Why there is no order yet, and the way on. */
export function CheckoutProblem({ problem, onResolved }: { problem: Problem | null; onResolved: () => void }) {
  const store = useBasketStore();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (problem) box.current?.scrollIntoView({ block: 'nearest' });
  }, [problem]);
  if (!problem) return null;
  return (
    <div ref={box}>
      <Notice tone="bad">
        <p>{problem.text}</p>
        {problem.kind === 'total' && problem.total !== null && (
          <p>
            It comes to <strong className="digits">{formatEUR(problem.total)}</strong> now. Look at it once more, and order if you agree.
          </p>
        )}
        {problem.kind === 'stock' && (
          <ul className={styles.short}>
            {problem.items.map(({ product_id, name, available }) => (
              <li key={product_id}>
                <span>
                  <strong>{name}</strong>: {available === 0 ? 'sold out' : `only ${available} left`}
                </span>
                <Button
                  look="outline"
                  onClick={() => {
                    void store.set(product_id, available);
                    if (problem.items.length === 1) onResolved();
                  }}
                >
                  {available === 0 ? 'Take it out' : `Take ${available}`}
                </Button>
              </li>
            ))}
          </ul>
        )}
        {problem.kind === 'stock' && problem.items.length > 1 && (
          <Button
            onClick={() => {
              for (const { product_id, available } of problem.items) void store.set(product_id, available);
              onResolved();
            }}
          >
            Take what there is
          </Button>
        )}
        {problem.kind === 'card' && <Link to="/checkout/payment">Pay in another way</Link>}
        {problem.kind === 'age' && <Link to="/basket">Take the alcohol out of the basket</Link>}
      </Notice>
    </div>
  );
}
