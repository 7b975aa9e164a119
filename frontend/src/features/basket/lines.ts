import { DELIVERY_FEE, FREE_DELIVERY_FROM, MAX_QUANTITY } from '@/config/shop';
import type { Basket, Line, Product } from '@/lib/shop-types';

/** A line with the product it is about: undefined while it is not known yet, null when the shop no longer has it. */
export interface Position {
  productId: number;
  quantity: number;
  product: Product | null | undefined;
}

/** What a basket costs, in cents. */
export interface Totals {
  units: number;
  goods: number;
  delivery: number;
  total: number;
  /** How much more makes the delivery free; 0 when it is. */
  missing: number;
}

/** Returns the lines with a product set to a quantity; nothing takes it out. Other lines keep their place. */
export function withQuantity(lines: Line[], productId: number, quantity: number): Line[] {
  const q = Math.max(0, Math.min(MAX_QUANTITY, Math.trunc(quantity)));
  if (q === 0) return lines.filter((l) => l.product_id !== productId);
  if (lines.some((l) => l.product_id === productId)) {
    return lines.map((l) => (l.product_id === productId ? { product_id: productId, quantity: q } : l));
  }
  return [...lines, { product_id: productId, quantity: q }];
}

export function quantityOf(lines: Line[], productId: number): number {
  return lines.find((l) => l.product_id === productId)?.quantity ?? 0;
}

export function linesOf(basket: Basket): Line[] {
  return basket.items.map(({ product, quantity }) => ({ product_id: product.id, quantity }));
}

/** Joins lines with what is known of their products. */
export function positionsOf(lines: Line[], products: ReadonlyMap<number, Product | null>): Position[] {
  return lines.map((l) => ({ productId: l.product_id, quantity: l.quantity, product: products.get(l.product_id) }));
}

/**
 * Adds up as the shop does, so that a change shows its price at once. Delivery is free from a value of goods on, and an
 * empty basket has none. What is bought is priced by the shop alone.
 */
export function totalsOf(positions: Position[]): Totals {
  let goods = 0;
  let units = 0;
  for (const { product, quantity } of positions) {
    if (!product) continue;
    goods += product.price_cents * quantity;
    units += quantity;
  }
  const missing = Math.max(0, FREE_DELIVERY_FROM - goods);
  const delivery = units === 0 || missing === 0 ? 0 : DELIVERY_FEE;
  return { units, goods, delivery, total: goods + delivery, missing };
}

/** Reads lines that were kept in the browser; whatever is not one is left out. */
export function parseLines(text: string | null): Line[] {
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return [];
    return value.reduce<Line[]>((lines, item: unknown) => {
      const { product_id, quantity } = (item ?? {}) as Partial<Line>;
      return Number.isInteger(product_id) && Number.isInteger(quantity) ? withQuantity(lines, product_id!, quantity!) : lines;
    }, []);
  } catch {
    return [];
  }
}
