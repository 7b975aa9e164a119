import { Navigate, useLocation } from 'react-router';
import { ButtonLink } from '@/components/Button';
import { Totals } from '@/features/basket/components/Totals';
import type { Position, Totals as Sums } from '@/features/basket/lines';
import { GoodsList } from '../GoodsList';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';
import thanks from './ThanksPage.module.css';

/** What was bought; it travels with the browser's history, so that a reload still shows it. */
export interface Receipt {
  message: string;
  goods: Position[];
  totals: Sums;
}

export default function ThanksPage() {
  const { state } = useLocation() as { state: Receipt | null };
  useDocumentTitle('Thank you');
  if (!state) return <Navigate to="/" replace />;
  return (
    <div className={thanks.thanks}>
      <div className={thanks.shelf} aria-hidden="true">
        {state.goods.slice(0, 5).map((g) => g.product && <img key={g.productId} src={g.product.image} alt="" width={96} height={96} />)}
      </div>
      <h1>It’s on its way</h1>
      <p className={styles.soft} role="status">
        {state.message}
      </p>
      <section className={styles.card} aria-label="What you bought">
        <h2>What you bought</h2>
        <GoodsList positions={state.goods} />
        <Totals totals={state.totals} />
      </section>
      <div>
        <ButtonLink to="/">Back to the shop</ButtonLink>
      </div>
    </div>
  );
}
