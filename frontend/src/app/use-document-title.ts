import { useEffect } from 'react';

/** Names the page in the window's title and in the browser's history. */
export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} | Grocery` : 'Grocery: groceries to your door';
  }, [title]);
}
