import { useCallback } from 'react';
import { useSearchParams } from 'react-router';
import { SORTS, type Search, type Sort } from './search';

/** What is searched for, kept in the address, so that it can be bookmarked, sent on and gone back to. */
export function useStoreSearch(): [Search, (change: Partial<Search>) => void] {
  const [params, setParams] = useSearchParams();
  const sort = params.get('sort') ?? 'shelf';
  const search: Search = {
    query: params.get('q') ?? '',
    category: params.get('category') ?? '',
    sort: Object.hasOwn(SORTS, sort) ? (sort as Sort) : 'shelf',
  };

  const change = useCallback(
    (next: Partial<Search>) => {
      setParams(
        () => {
          // From the address itself: what React has drawn may be one change behind it.
          const p = new URLSearchParams(window.location.search);
          if (next.query !== undefined) put(p, 'q', next.query);
          if (next.category !== undefined) put(p, 'category', next.category);
          if (next.sort !== undefined) put(p, 'sort', next.sort === 'shelf' ? '' : next.sort);
          return p;
        },
        // Each letter typed is not a page of its own; another category is.
        { replace: next.category === undefined },
      );
    },
    [setParams],
  );
  return [search, change];
}

function put(params: URLSearchParams, key: string, value: string) {
  if (value === '') params.delete(key);
  else params.set(key, value);
}
