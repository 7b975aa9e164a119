import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import { paramsOf, searchOf, type Search } from './filters';

/** What is searched for, kept in the address, so that it can be bookmarked, sent on and gone back to. */
export function useStoreSearch(): [Search, (change: Partial<Search>) => void] {
  const [params, setParams] = useSearchParams();
  const search = useMemo(() => searchOf(params), [params]);
  const change = useCallback(
    (next: Partial<Search>) => {
      setParams(
        // From the address itself: what React has drawn may be one change behind it.
        () => paramsOf({ ...searchOf(new URLSearchParams(window.location.search)), ...next }),
        // Each letter typed is not a page of its own; a filter is.
        { replace: Object.keys(next).every((key) => key === 'query' || key === 'sort') },
      );
    },
    [setParams],
  );
  return [search, change];
}
