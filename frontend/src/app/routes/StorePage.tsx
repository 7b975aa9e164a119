import { useEffect, useMemo, useRef, useState } from 'react';
import { NavigationType, useNavigationType } from 'react-router';
import { Button } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Icon } from '@/components/Icon';
import { Guard, later } from '@/components/Later';
import { Notice } from '@/components/Notice';
import { useToast } from '@/components/Toasts';
import { useCategories, useProducts } from '@/features/catalogue/api/products';
import { ActiveFilters } from '@/features/catalogue/components/ActiveFilters';
import { CategoryRail } from '@/features/catalogue/components/CategoryRail';
import { LoadMore } from '@/features/catalogue/components/LoadMore';
import { Shelf } from '@/features/catalogue/components/Shelf';
import { ShelfSkeleton } from '@/features/catalogue/components/ShelfSkeleton';
import { EVERYTHING, filtersIn, paramsOf, SORTS, type Search, type Sort } from '@/features/catalogue/filters';
import { hueOf } from '@/features/catalogue/hues';
import { useStoreSearch } from '@/features/catalogue/use-store-search';
import { isPassing, messageFor } from '@/lib/http';
import type { Category, Product } from '@/lib/shop-types';
import { useDebounced } from '@/lib/use-debounced';
import { useMedia } from '@/lib/use-media';
import { Action, Mark } from '../goods';
import { useDocumentTitle } from '../use-document-title';
import { Hero } from './Hero';
import styles from './StorePage.module.css';

const FilterPanel = later(() => import('@/features/catalogue/components/FilterPanel'));
const FilterDialog = later(() => import('../FilterDialog'));

const NONE: Category[] = [];
const EAGER = 8;
/** How long somebody pauses between two letters. */
const PAUSE_MS = 120;

export function StorePage() {
  const [search, change] = useStoreSearch();
  const query = useDebounced(search.query, PAUSE_MS);
  const asked = useMemo(() => ({ ...search, query }), [search, query]);
  const categories = useCategories().data?.items ?? NONE;
  const products = useProducts(asked);
  const wide = useMedia('(min-width: 64rem)');
  const [panel, setPanel] = useState(() => filtersIn(search) > search.categories.length);
  const [dialog, setDialog] = useState(false);
  const tools = useRef<HTMLDivElement>(null);
  const toast = useToast();
  useSettled(tools, asked);
  useDocumentTitle(query.trim() ? `“${query.trim()}”` : search.categories.join(', '));

  const pages = products.data?.pages;
  const goods = useMemo(() => pages?.flatMap((p) => p.items) ?? [], [pages]);
  const first = pages?.[0];
  const searching = search.query.trim() !== '';
  const filters = filtersIn(search);
  const landing = !searching && filters === 0 && search.sort === 'shelf';
  const showMore = useMore(goods, products.fetchNextPage);

  const noFilters = () => {
    setPanel(false);
    setDialog(false);
    toast('The filters could not be shown. Check your connection and try again.', 'bad');
  };

  if (products.isError && !first) {
    const closed = isPassing(products.error);
    return (
      <EmptyState
        level={1}
        sign={closed ? 'back soon' : 'oops'}
        title={closed ? 'The shop is closed for a moment' : 'We cannot look for that'}
        action={
          <>
            <Button busy={products.isFetching} onClick={() => void products.refetch()}>
              Try again
            </Button>
            {!closed && (
              <Button look="outline" onClick={() => change(EVERYTHING)}>
                Show everything
              </Button>
            )}
          </>
        }
      >
        <p>{messageFor(products.error)}</p>
      </EmptyState>
    );
  }
  const names = categories.map((c) => c.name);
  const title = searching ? `“${search.query.trim()}”` : search.categories.length === 1 ? search.categories[0] : 'All products';
  const found = first && (first.total === 1 ? '1 product' : `${first.total} products`);
  return (
    <>
      {landing ? <Hero pictures={categories.map((c) => c.image_url)} /> : <div className={styles.lead} />}
      <CategoryRail categories={categories} chosen={search.categories} onChoose={(chosen) => change({ categories: chosen })} />
      <div className={styles.tools} ref={tools}>
        {landing ? (
          <p className={`${styles.count} digits`} data-count={first?.total}>
            {first && `${first.total} products in ${categories.length} aisles`}
          </p>
        ) : (
          <div className={styles.found}>
            <h1>{title}</h1>
            <p className="digits" role="status" data-count={products.isPlaceholderData ? undefined : first?.total}>
              {first?.corrected && first.total > 0 ? 'Nothing matches exactly. These come close: ' : ''}
              {found}
              {search.categories.length === 1 && searching ? ` in ${search.categories[0]}` : ''}
            </p>
          </div>
        )}
        <div className={styles.controls}>
          <button type="button" className={styles.filter} aria-expanded={wide ? panel : undefined} aria-haspopup={wide ? undefined : 'dialog'} onClick={() => (wide ? setPanel(!panel) : setDialog(true))}>
            <Icon name="filter" size={20} />
            Filter
            {filters > 0 && (
              <span className={`${styles.number} digits`}>
                {filters}
                <span className="visually-hidden"> set</span>
              </span>
            )}
          </button>
          <label className={styles.sort}>
            <span className="visually-hidden">Order</span>
            <select value={search.sort} onChange={(event) => change({ sort: event.target.value as Sort })}>
              {Object.entries(SORTS).map(([value, label]) => (
                <option key={value} value={value}>
                  {value === 'shelf' && searching ? 'Best match' : label}
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>
      <ActiveFilters search={search} onChange={change} />
      <div className={wide && panel ? styles.beside : undefined}>
        {wide && panel && (
          <aside className={styles.panel} aria-label="Filter">
            <Guard onFailure={noFilters}>
              <FilterPanel search={search} facets={first?.facets} onChange={change} />
            </Guard>
          </aside>
        )}
        <div aria-busy={products.isFetching || undefined}>
          {products.isError && first && !products.isFetchNextPageError && <Notice tone="bad">{messageFor(products.error)}</Notice>}
          {!first ? (
            <ShelfSkeleton />
          ) : goods.length === 0 ? (
            <Nothing search={search} change={change} />
          ) : (
            <>
              {landing ? (
                <div className={styles.aisles}>
                  {aislesOf(goods).map(([name, own], i) => (
                    <Shelf
                      key={name}
                      label={name}
                      products={own}
                      Action={Action}
                      Mark={Mark}
                      hue={hueOf(names.indexOf(name))}
                      eager={i === 0 ? EAGER : 0}
                      heading={<h2 className={styles.aisle}>{name}</h2>}
                    />
                  ))}
                </div>
              ) : (
                <Shelf label="Products" products={goods} Action={Action} Mark={Mark} hue={hueOf(search.categories.length === 1 ? names.indexOf(search.categories[0]!) : -1)} eager={EAGER} />
              )}
              {products.hasNextPage && (
                <LoadMore
                  key={paramsOf(asked).toString()}
                  shown={goods.length}
                  total={first.total}
                  busy={products.isFetchingNextPage}
                  failed={products.isFetchNextPageError ? messageFor(products.error) : null}
                  onMore={showMore}
                />
              )}
            </>
          )}
        </div>
      </div>
      {!wide && dialog && (
        <Guard onFailure={noFilters}>
          <FilterDialog search={search} facets={first?.facets} onChange={change} found={found ?? ''} onClose={() => setDialog(false)} />
        </Guard>
      )}
    </>
  );
}

function Nothing({ search, change }: { search: Search; change: (next: Partial<Search>) => void }) {
  const searching = search.query.trim() !== '';
  return (
    <EmptyState
      sign="none"
      title="Not on our shelves"
      action={
        <>
          {searching && filtersIn(search) > 0 && <Button onClick={() => change({ ...EVERYTHING, query: search.query })}>Search without filters</Button>}
          <Button look="outline" onClick={() => change(EVERYTHING)}>
            Show everything
          </Button>
        </>
      }
    >
      <p>{searching ? `We found nothing for “${search.query.trim()}”. Try a shorter or more general word.` : 'No product is all of that. Take a filter away.'}</p>
    </EmptyState>
  );
}

/** Neighbours of one aisle together, in the order in which they come. */
function aislesOf(goods: Product[]): [string, Product[]][] {
  const aisles = new Map<string, Product[]>();
  for (const product of goods) {
    const aisle = aisles.get(product.category);
    if (aisle) aisle.push(product);
    else aisles.set(product.category, [product]);
  }
  return [...aisles];
}

/** Brings the next page; when the keyboard asked for it, it goes on at the first of the new goods. */
function useMore(goods: Product[], fetchNextPage: () => Promise<unknown>) {
  const from = useRef<number | null>(null);
  useEffect(() => {
    if (from.current === null || goods.length <= from.current) return;
    const next = goods[from.current]!;
    from.current = null;
    document.querySelector<HTMLElement>(`[data-product="${next.id}"] a`)?.focus({ preventScroll: true });
  }, [goods]);
  return () => {
    from.current = document.activeElement?.matches('button:focus-visible') ? goods.length : null;
    void fetchNextPage();
  };
}

/** Whoever narrows the goods down from far below sees the beginning of what is found. */
function useSettled(tools: React.RefObject<HTMLElement | null>, asked: Search): void {
  const navigation = useNavigationType();
  const before = useRef(asked);
  useEffect(() => {
    if (before.current === asked) return;
    before.current = asked;
    const element = tools.current;
    if (navigation === NavigationType.Pop || !element) return;
    if (element.getBoundingClientRect().top < 0) element.scrollIntoView({ block: 'start' });
  }, [asked, navigation, tools]);
}
