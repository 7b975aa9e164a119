import { Link, useLocation, useNavigate } from 'react-router';
import { Icon } from '@/components/Icon';
import { AccountMenu } from '@/features/auth/components/AccountMenu';
import { usePricedBasket } from '@/features/basket/basket-context';
import { SearchBox } from '@/features/catalogue/components/SearchBox';
import { useStoreSearch } from '@/features/catalogue/use-store-search';
import { formatEUR } from '@/lib/money';
import { signInPath } from '../paths';
import styles from './Header.module.css';

const LINKS = [
  { to: '/orders', label: 'Orders', icon: 'receipt' },
  { to: '/favourites', label: 'Favourites', icon: 'heart' },
  { to: '/account', label: 'Account', icon: 'person' },
] as const;

export function Header({ onOpenBasket }: { onOpenBasket: () => void }) {
  const location = useLocation();
  const navigate = useNavigate();
  const [search, change] = useStoreSearch();
  const { units, totals } = usePricedBasket();
  const inStore = location.pathname === '/';

  const onSearch = (query: string) => {
    if (inStore) change({ query });
    else void navigate(`/?q=${encodeURIComponent(query)}`);
  };

  return (
    <header className={styles.header}>
      <div className={styles.inside}>
        <Link to="/" className={styles.name}>
          Grocery
        </Link>
        <div className={styles.search}>
          <SearchBox value={inStore ? search.query : ''} onChange={onSearch} />
        </div>
        <div className={styles.account}>
          <AccountMenu signInPath={signInPath(location)} links={[...LINKS]} />
        </div>
        <button
          type="button"
          className={`${styles.basket} ${units > 0 ? styles.filled : ''}`}
          aria-label={units === 0 ? 'Basket, empty' : `Basket, ${units} ${units === 1 ? 'item' : 'items'}, ${formatEUR(totals.goods)}`}
          onClick={onOpenBasket}
        >
          <Icon name="basket" />
          {units > 0 && <span className="digits">{totals.units > 0 ? formatEUR(totals.goods) : units}</span>}
        </button>
      </div>
    </header>
  );
}
