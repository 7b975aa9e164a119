// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Product } from '@/lib/shop-types';
import { parseLines, positionsOf, totalsOf, withQuantity } from './lines';

const product = (id: number, cents: number) => ({ id, price_cents: cents }) as Product;
const totals = (...goods: [cents: number, quantity: number][]) =>
  totalsOf(
    positionsOf(
      goods.map(([, quantity], i) => ({ product_id: i, quantity })),
      new Map(goods.map(([cents], i) => [i, product(i, cents)])),
    ),
  );

describe('totals', () => {
  it.each([
    ['an empty basket has no delivery', [], 0, 0, 0, 2000],
    ['a cent under 20 euros pays for delivery', [[1999, 1]], 1999, 500, 2499, 1],
    ['20 euros are delivered free', [[1000, 2]], 2000, 0, 2000, 0],
    ['cents add up exactly', [[10, 1], [20, 1], [70, 3]], 240, 500, 740, 1760],
  ] as [string, [number, number][], number, number, number, number][])('%s', (_, goods, sum, delivery, total, missing) => {
    expect(totals(...goods)).toMatchObject({ goods: sum, delivery, total, missing });
  });

  it('leave out what the shop no longer has', () => {
    expect(totalsOf(positionsOf([{ product_id: 9, quantity: 2 }], new Map([[9, null]])))).toMatchObject({ units: 0, total: 0 });
  });
});

describe('withQuantity', () => {
  const lines = [
    { product_id: 1, quantity: 1 },
    { product_id: 2, quantity: 2 },
  ];
  it.each([
    ['changes a line where it stands', 1, 5, [[1, 5], [2, 2]]],
    ['puts a new one last', 3, 1, [[1, 1], [2, 2], [3, 1]]],
    ['takes one out at nothing', 1, 0, [[2, 2]]],
    ['takes one out below nothing', 1, -4, [[2, 2]]],
    ['stops at the most that the shop takes', 1, 5000, [[1, 999], [2, 2]]],
  ] as [string, number, number, [number, number][]][])('%s', (_, id, quantity, expected) => {
    expect(withQuantity(lines, id, quantity)).toEqual(expected.map(([product_id, q]) => ({ product_id, quantity: q })));
  });
});

it.each([
  [null],
  ['not json'],
  ['{"product_id":1}'],
  ['[null, 3, {"product_id":"1","quantity":1}, {"product_id":1,"quantity":1.5}, {"product_id":1,"quantity":0}]'],
])('reads %j from the browser as no lines', (text) => expect(parseLines(text)).toEqual([]));

it('reads kept lines, each product once', () => {
  expect(parseLines('[{"product_id":1,"quantity":2,"x":1},{"product_id":1,"quantity":3}]')).toEqual([{ product_id: 1, quantity: 3 }]);
});
