import type { Product } from '@/lib/product';

/** How the goods may be ordered. `shelf` is the shop's own order; while searching it means the best match first. */
export const SORTS = { shelf: 'Shelf order', cheap: 'Price: low to high', dear: 'Price: high to low', name: 'Name: A to Z' } as const;
export type Sort = keyof typeof SORTS;

export interface Search {
  query: string;
  category: string;
  sort: Sort;
}

interface Entry {
  product: Product;
  name: string[];
  category: string[];
  text: string[];
}

/** Folds an English plural, so that "tomatos", "tomatoes" and "tomato" are one word. */
export function singular(word: string): string {
  if (word.length < 4 || word.endsWith('ss')) return word;
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.endsWith('oes') || word.endsWith('shes') || word.endsWith('ches')) return word.slice(0, -2);
  return word.endsWith('s') ? word.slice(0, -1) : word;
}

export interface Index {
  entries: Entry[];
}

export interface Found {
  products: Product[];
  /** Nothing had the words as written; these are what comes close to them. */
  close: boolean;
}

/** Takes a text apart into lower-case words without accents: "Crème fraîche" becomes creme, fraiche. */
export function words(text: string): string[] {
  return text
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
}

/** Prepares the catalogue for searching while somebody types. */
export function buildIndex(products: Product[]): Index {
  return {
    entries: products.map((product) => ({
      product,
      name: words(product.name),
      category: words(product.category),
      text: words(`${product.description} ${product.pack}`),
    })),
  };
}

/**
 * Finds the products that have every word of the query at the beginning of one of their words, the best match first.
 * When there are none, words with a typing mistake are forgiven.
 */
export function search(index: Index, { query, category, sort }: Search): Found {
  const entries = category === '' ? index.entries : index.entries.filter((e) => e.product.category === category);
  const wanted = words(query);
  let found = ranked(entries, wanted, startsWith);
  const close = found.length === 0 && wanted.length > 0;
  if (close) found = ranked(entries, wanted, comesClose);
  return { products: order(found, sort), close };
}

type Match = (word: string, wanted: string) => boolean;
const startsWith: Match = (word, wanted) => word.startsWith(wanted) || singular(word) === singular(wanted);
const comesClose: Match = (word, wanted) => {
  const allowed = wanted.length < 4 ? 0 : wanted.length < 8 ? 1 : 2;
  return within(word, wanted, allowed) || (word.length > wanted.length && within(word.slice(0, wanted.length), wanted, allowed));
};

function ranked(entries: Entry[], wanted: string[], match: Match): Product[] {
  if (wanted.length === 0) return entries.map((e) => e.product);
  const scored: { product: Product; score: number }[] = [];
  for (const entry of entries) {
    let score = 0;
    for (const w of wanted) {
      const s = scoreOf(entry, w, match);
      if (s === 0) {
        score = 0;
        break;
      }
      score += s;
    }
    if (score > 0) scored.push({ product: entry.product, score });
  }
  return scored.sort((a, b) => b.score - a.score).map((s) => s.product);
}

function scoreOf(entry: Entry, wanted: string, match: Match): number {
  const at = entry.name.findIndex((w) => match(w, wanted));
  if (at >= 0) {
    const whole = singular(entry.name[at]!) === singular(wanted) ? 20 : 0;
    // The last word says what it is: "whole milk" is milk, "milk chocolate" is not.
    const head = at === entry.name.length - 1 ? 15 : 0;
    return 100 + whole + head - Math.min(at, 5) - Math.min(entry.name.length, 5);
  }
  if (entry.category.some((w) => match(w, wanted))) return 30;
  // Descriptions match on longer words only: "a" or "de" would find everything.
  return wanted.length > 2 && entry.text.some((w) => match(w, wanted)) ? 10 : 0;
}

function order(products: Product[], sort: Sort): Product[] {
  switch (sort) {
    case 'cheap':
      return products.toSorted((a, b) => a.cents - b.cents);
    case 'dear':
      return products.toSorted((a, b) => b.cents - a.cents);
    case 'name':
      return products.toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
    case 'shelf':
      return products;
  }
}

/**
 * Whether at most `limit` changes turn one word into the other; a change is a letter added, dropped, replaced, or two
 * neighbours swapped (Damerau's distance).
 */
export function within(a: string, b: string, limit: number): boolean {
  if (Math.abs(a.length - b.length) > limit) return false;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2]! + 1);
      row.push(d);
      best = Math.min(best, d);
    }
    if (best > limit) return false;
    before = last;
    last = row;
  }
  return last[b.length]! <= limit;
}

/** The categories in the order in which the catalogue first names them, with their goods. */
export function byCategory(products: Product[]): Map<string, Product[]> {
  const groups = new Map<string, Product[]>();
  for (const p of products) {
    const group = groups.get(p.category);
    if (group) group.push(p);
    else groups.set(p.category, [p]);
  }
  return groups;
}
