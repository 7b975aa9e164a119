// @vitest-environment node
import { expect, it } from 'vitest';
import { formatEUR, splitEUR, toCents } from './money';

it.each([
  [0, '€0.00'],
  [5, '€0.05'],
  [199, '€1.99'],
  [123456, '€1,234.56'],
])('%i cents read %s', (cents, text) => expect(formatEUR(cents)).toBe(text));

it.each([
  [0.89, 89],
  [0.8900000000000000133, 89],
  [1.005, 100],
  [19.99, 1999],
  [4.35, 435],
])('a price of %d is %i cents', (euros, cents) => expect(toCents(euros)).toBe(cents));

it('splits a price for its label', () => expect(splitEUR(1205)).toEqual({ euros: '12', cents: '05' }));
