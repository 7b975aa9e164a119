import { Icon } from '@/components/Icon';
import { shortEUR } from '@/lib/money';
import type { Search } from '../filters';
import styles from './ActiveFilters.module.css';

/** What narrows the goods down, each to take away with one press. A single aisle is said by the heading already. */
export function ActiveFilters({ search, onChange }: { search: Search; onChange: (change: Partial<Search>) => void }) {
  const { categories, min, max, rating, inStock, noAlcohol } = search;
  const chips: [label: string, away: Partial<Search>][] = [];
  if (categories.length > 1) for (const c of categories) chips.push([c, { categories: categories.filter((other) => other !== c) }]);
  if (min !== null || max !== null) {
    const label = min === null ? `up to ${shortEUR(max!)}` : max === null ? `from ${shortEUR(min)}` : `${shortEUR(min)} to ${shortEUR(max)}`;
    chips.push([label, { min: null, max: null }]);
  }
  if (rating > 0) chips.push([`${rating} stars or more`, { rating: 0 }]);
  if (inStock) chips.push(['in stock', { inStock: false }]);
  if (noAlcohol) chips.push(['without alcohol', { noAlcohol: false }]);
  if (chips.length === 0) return null;
  return (
    <ul className={styles.chips} aria-label="Filters">
      {chips.map(([label, away]) => (
        <li key={label}>
          <button type="button" aria-label={`Remove filter: ${label}`} onClick={() => onChange(away)}>
            {label}
            <Icon name="close" size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}
