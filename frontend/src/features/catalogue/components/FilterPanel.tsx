import { useId, useState } from 'react';
import { Button } from '@/components/Button';
import { Stars } from '@/components/Stars';
import { parseEUR, shortEUR } from '@/lib/money';
import type { Facets } from '@/lib/shop-types';
import { euros, EVERYTHING, filtersIn, type Search } from '../filters';
import styles from './FilterPanel.module.css';

interface FilterPanelProps {
  search: Search;
  facets: Facets | undefined;
  onChange: (change: Partial<Search>) => void;
}

const PRICES: [min: number | null, max: number | null, label: string][] = [
  [null, 200, 'up to €2'],
  [200, 500, '€2 to €5'],
  [500, 1000, '€5 to €10'],
  [1000, null, 'from €10'],
];

/** Everything the goods can be narrowed down by, each with how many are left. */
export default function FilterPanel({ search, facets, onChange }: FilterPanelProps) {
  const { categories, rating, inStock, noAlcohol } = search;
  const name = useId();
  const toggle = (category: string) => onChange({ categories: categories.includes(category) ? categories.filter((c) => c !== category) : [...categories, category] });
  const offered = facets?.categories ?? [];
  const aisles = [...offered, ...categories.filter((c) => !offered.some((o) => o.value === c)).map((value) => ({ value, count: 0 }))];
  return (
    <div className={styles.panel}>
      <fieldset>
        <legend>Price</legend>
        <div className={styles.chips}>
          {PRICES.map(([min, max, label]) => {
            const pressed = search.min === min && search.max === max;
            return (
              <button key={label} type="button" aria-pressed={pressed} onClick={() => onChange(pressed ? { min: null, max: null } : { min, max })}>
                {label}
              </button>
            );
          })}
        </div>
        <PriceRange search={search} facets={facets} onChange={onChange} />
      </fieldset>

      <fieldset>
        <legend>Rating</legend>
        {[4, 3, 2, 0].map((stars) => (
          <label key={stars} className={styles.choice}>
            <input type="radio" name={name} checked={rating === stars} onChange={() => onChange({ rating: stars })} />
            {stars === 0 ? (
              <span>Any</span>
            ) : (
              <span>
                <Stars rating={stars} /> <span aria-hidden="true">and more</span>
                <span className="visually-hidden">or more</span>
              </span>
            )}
            {stars > 0 && <Left count={facets?.ratings.find((r) => r.value === stars)?.count} />}
          </label>
        ))}
      </fieldset>

      <fieldset>
        <legend>Only what is</legend>
        <label className={styles.choice}>
          <input type="checkbox" checked={inStock} onChange={() => onChange({ inStock: !inStock })} />
          <span>in stock</span>
          <Left count={facets?.in_stock.count} />
        </label>
        <label className={styles.choice}>
          <input type="checkbox" checked={noAlcohol} onChange={() => onChange({ noAlcohol: !noAlcohol })} />
          <span>without alcohol</span>
        </label>
      </fieldset>

      <fieldset>
        <legend>Aisles</legend>
        {aisles.map(({ value, count }) => (
          <label key={value} className={styles.choice}>
            <input type="checkbox" checked={categories.includes(value)} onChange={() => toggle(value)} />
            <span>{value}</span>
            <Left count={count} />
          </label>
        ))}
      </fieldset>

      {filtersIn(search) > 0 && (
        <Button look="outline" onClick={() => onChange({ ...EVERYTHING, query: search.query, sort: search.sort })}>
          Clear all filters
        </Button>
      )}
    </div>
  );
}

function Left({ count }: { count: number | undefined }) {
  return count === undefined ? null : (
    <span className={`${styles.left} digits`}>
      {count}
      <span className="visually-hidden"> products</span>
    </span>
  );
}

function written(min: number | null, max: number | null) {
  return { min: min === null ? '' : euros(min), max: max === null ? '' : euros(max) };
}

/** Two prices to write; they count when one leaves the field or presses Enter. */
function PriceRange({ search: { min, max }, facets, onChange }: FilterPanelProps) {
  const [texts, setTexts] = useState(() => written(min, max));
  // A price that was set elsewhere (a button, the browser's back) is written into the fields.
  const [set, setSet] = useState({ min, max });
  if (set.min !== min || set.max !== max) {
    setSet({ min, max });
    setTexts(written(min, max));
  }

  const take = () => {
    const next = { min: parseEUR(texts.min), max: parseEUR(texts.max) };
    if (next.min !== null && next.max !== null && next.min > next.max) [next.min, next.max] = [next.max, next.min];
    if (next.min !== min || next.max !== max) onChange(next);
    else setTexts(written(min, max));
  };
  const field = (end: 'min' | 'max', label: string, hint: number | undefined) => (
    <input
      inputMode="decimal"
      aria-label={label}
      placeholder={hint === undefined ? '' : shortEUR(hint)}
      value={texts[end]}
      onChange={(event) => setTexts({ ...texts, [end]: event.target.value })}
      onBlur={take}
    />
  );
  return (
    <form
      className={styles.range}
      onSubmit={(event) => {
        event.preventDefault();
        take();
      }}
    >
      {field('min', 'Price from, in euros', facets?.price.min_cents)}
      <span>to</span>
      {field('max', 'Price to, in euros', facets?.price.max_cents)}
      <button type="submit" className="visually-hidden" tabIndex={-1}>
        Set the price
      </button>
    </form>
  );
}
