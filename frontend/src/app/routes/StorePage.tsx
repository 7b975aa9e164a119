import { useMemo } from 'react';
import { useDocumentTitle } from '../use-document-title';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { useProducts } from '@/features/catalogue/api/get-products';
import { CategoryRail } from '@/features/catalogue/components/CategoryRail';
import { Shelf, useStocked } from '@/features/catalogue/components/Shelf';
import { ShelfSkeleton } from '@/features/catalogue/components/ShelfSkeleton';
import { hueOf } from '@/features/catalogue/hues';
import { buildIndex, byCategory, search as find, SORTS, type Sort } from '@/features/catalogue/search';
import { useStoreSearch } from '@/features/catalogue/use-store-search';
import { messageFor } from '@/lib/api-client';
import type { Product } from '@/lib/product';
import { AddToBasket } from '../AddToBasket';
import { Hero } from './Hero';
import styles from './StorePage.module.css';

const NOTHING: Product[] = [];
const EAGER = 8;

export function StorePage() {
  const products = useProducts();
  if (products.data) return <Store all={products.data} />;
  if (products.isPending) {
    return (
      <>
        <Hero goods={NOTHING} />
        <ShelfSkeleton />
      </>
    );
  }
  return (
    <EmptyState
      level={1}
      sign="back soon"
      title="The shop is closed for a moment"
      action={
        <Button busy={products.isFetching} onClick={() => void products.refetch()}>
          Try again
        </Button>
      }
    >
      <p>{messageFor(products.error)}</p>
    </EmptyState>
  );
}

function Store({ all }: { all: Product[] }) {
  const [search, change] = useStoreSearch();
  useDocumentTitle(search.query ? `“${search.query}”` : search.category);

  const index = useMemo(() => buildIndex(all), [all]);
  const groups = useMemo(() => byCategory(all), [all]);
  const categories = useMemo(
    () => [...groups].map(([name, goods]) => ({ name, picture: goods[0]!.image, count: goods.length })),
    [groups],
  );
  const { query, category, sort } = search;
  const found = useMemo(() => find(index, { query, category, sort }), [index, query, category, sort]);
  const stocked = useStocked(found.products);
  const names = [...groups.keys()];
  const aisles = query.trim() === '' && sort === 'shelf';
  const landing = aisles && category === '';

  return (
    <>
      {landing ? <Hero goods={all} /> : <div className={styles.lead} />}
      <CategoryRail categories={categories} chosen={category} onChoose={(name) => change({ category: name })} />
      <div className={styles.tools}>
        {landing ? (
          <p className={`${styles.count} digits`} data-count={all.length}>
            {all.length} products in {categories.length} aisles
          </p>
        ) : (
          <div className={styles.found}>
            <h1>{query.trim() ? `“${query.trim()}”` : category || 'All products'}</h1>
            <p className="digits" role="status" data-count={found.products.length}>
              {found.close && found.products.length > 0 ? 'Nothing matches exactly. These come close: ' : ''}
              {found.products.length === 1 ? '1 product' : `${found.products.length} products`}
              {category && query.trim() ? ` in ${category}` : ''}
            </p>
          </div>
        )}
        <label className={styles.sort}>
          <span className="visually-hidden">Order</span>
          <select value={sort} onChange={(event) => change({ sort: event.target.value as Sort })}>
            {Object.entries(SORTS).map(([value, label]) => (
              <option key={value} value={value}>
                {value === 'shelf' && query.trim() ? 'Best match' : label}
              </option>
            ))}
          </select>
        </label>
      </div>
      {found.products.length === 0 ? (
        <EmptyState
          sign="none" title="Not on our shelves"
          action={
            <>
              {category && query && (
                <Button onClick={() => change({ category: '' })}>Search all aisles</Button>
              )}
              <Button look="outline" onClick={() => change({ query: '', category: '' })}>
                Show everything
              </Button>
            </>
          }
        >
          <p>We found nothing for “{query}”. Try a shorter or more general word.</p>
        </EmptyState>
      ) : aisles ? (
        <div className={styles.aisles}>
          {[...byCategory(stocked)].map(([name, goods], i) => (
            <Shelf
              key={name}
              label={name}
              products={goods}
              Action={AddToBasket}
              hue={hueOf(names.indexOf(name))}
              eager={i === 0 ? EAGER : 0}
              heading={landing && <h2 className={styles.aisle}>{name}</h2>}
            />
          ))}
        </div>
      ) : (
        <Shelf label="Products" products={stocked} Action={AddToBasket} hue={hueOf(names.indexOf(category))} eager={EAGER} />
      )}
    </>
  );
}
