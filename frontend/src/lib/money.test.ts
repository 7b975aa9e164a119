// @vitest-environment node
import { expect, it } from 'vitest';
import { formatEUR, parseEUR, shortEUR, splitEUR } from './money';

it.each([
  [0, '€0.00'],
  [5, '€0.05'],
  [199, '€1.99'],
  [123456, '€1,234.56'],
])('%i cents read %s', (cents, text) => expect(formatEUR(cents)).toBe(text));

it.each([
  [500, '€5'],
  [450, '€4.50'],
])('%i cents are %s in short', (cents, text) => expect(shortEUR(cents)).toBe(text));

it.each([
  ['4', 400],
  ['4.5', 450],
  ['€ 4,50', 450],
  [' 0.05 €', 5],
  ['', null],
  ['-1', null],
  ['1.234', null],
  ['four', null],
])('%j is %j cents', (text, cents) => expect(parseEUR(text)).toBe(cents));

it('splits a price for its label', () => expect(splitEUR(1205)).toEqual({ euros: '12', cents: '05' }));
