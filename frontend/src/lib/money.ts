const euro = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

/** Writes an amount of cents as shoppers read it, such as "€1.99". */
export function formatEUR(cents: number): string {
  return euro.format(cents / 100);
}

/** Writes an amount without cents where there are none, such as "€5". */
export function shortEUR(cents: number): string {
  return formatEUR(cents).replace(/\.00$/, '');
}

/** The whole euros and the two digits of the cents, for price labels. */
export function splitEUR(cents: number): { euros: string; cents: string } {
  return { euros: String(Math.floor(cents / 100)), cents: String(cents % 100).padStart(2, '0') };
}

/** Reads what a shopper writes as a price ("4", "4.5", "€ 4,50") as cents; null when it is none. */
export function parseEUR(text: string): number | null {
  const found = /^€?\s*(\d{1,5})(?:[.,](\d{1,2}))?\s*€?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? '').padEnd(2, '0')) : null;
}
