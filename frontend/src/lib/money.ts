const euro = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

/** Writes an amount of cents as shoppers read it, such as "€1.99". */
export function formatEUR(cents: number): string {
  return euro.format(cents / 100);
}

/** The whole euros and the two digits of the cents, for price labels. */
export function splitEUR(cents: number): { euros: string; cents: string } {
  return { euros: String(Math.floor(cents / 100)), cents: String(cents % 100).padStart(2, '0') };
}

/** Reads a price of the API (a number of euros) as whole cents, so that sums stay exact. */
export function toCents(euros: number): number {
  return Math.round(euros * 100);
}
