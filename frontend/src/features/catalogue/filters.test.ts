// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { askOf, EVERYTHING, filtersIn, paramsOf, searchOf } from './filters';

describe('a search in the address', () => {
  it.each([
    '',
    'q=tomatos',
    'q=a%26b&category=Beer%2C+Wine+and+Spirits&category=Fruit&min=1.50&max=20&rating=4&stock=yes&alcohol=no&sort=-price',
  ])('reads and writes %j the same', (address) => {
    expect(paramsOf(searchOf(new URLSearchParams(address))).toString()).toBe(address);
  });

  it.each(['sort=constructor', 'rating=6', 'rating=x', 'min=-3', 'max=<b>', 'stock=1', 'category=', 'page=3'])('leaves out %j', (address) => {
    expect(searchOf(new URLSearchParams(address))).toEqual(EVERYTHING);
  });
});

it('counts a price as one filter and words as none', () => {
  expect(filtersIn({ ...EVERYTHING, query: 'x', sort: 'name' })).toBe(0);
  expect(filtersIn({ ...EVERYTHING, min: 100, max: 200, categories: ['a', 'b'], inStock: true })).toBe(4);
});

it('asks for the best match only where there is something to match', () => {
  expect(askOf(EVERYTHING)).toEqual({ sort: 'shelf' });
  expect(askOf({ ...EVERYTHING, query: ' milk ' })).toEqual({ q: 'milk', sort: 'relevance' });
  expect(askOf({ ...EVERYTHING, query: 'milk', sort: 'price', noAlcohol: true })).toEqual({ q: 'milk', sort: 'price', alcohol: false });
});
