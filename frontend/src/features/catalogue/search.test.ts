import { describe, expect, it } from 'vitest';
import { PRODUCTS } from '@/testing/shop-api';
import { toProduct } from './api/get-products';
import { buildIndex, search, singular, within, words, type Search } from './search';

const index = buildIndex(PRODUCTS.map(toProduct));
const find = (query: string, more: Partial<Search> = {}) => search(index, { query, category: '', sort: 'shelf', ...more });
const names = (query: string, more?: Partial<Search>) => find(query, more).products.map((p) => p.name);

describe('search', () => {
  it.each([
    ['finds everything for nothing', '  ', 7],
    ['finds by the beginning of any word of the name', 'tom', 2],
    ['ignores case and accents', 'CREME fraiche', 1],
    ['needs every word', 'natural tomato', 0],
    ['finds by aisle', 'dairy', 2],
    ['finds by description, but not by its shortest words', 'carefully', 7],
    ['is not led astray by signs', '(.*)', 7],
  ])('%s', (_, query, count) => expect(find(query).products).toHaveLength(count));

  it.each([
    ['tomatos', 'Vine Tomatoes'],
    ['tomatoe', 'Vine Tomatoes'],
    ['jogurt', 'Natural Yogurt'],
    ['banannas', 'Bananas'],
    ['reisling', 'Riesling'],
  ])('forgives %s', (query, first) => expect(names(query)[0]).toBe(first));

  it('says when it had to forgive', () => {
    expect(find('yogurt').close).toBe(false);
    expect(find('jogurt').close).toBe(true);
    expect(find('xyz').products).toEqual([]);
  });

  it('puts what a thing is before what is made of it', () => {
    expect(names('tomato')).toEqual(['Vine Tomatoes', 'Tomato Ketchup']);
  });

  it.each([
    ['cheap', 'Tomato Ketchup', 'Riesling'],
    ['dear', 'Riesling', 'Tomato Ketchup'],
    ['name', 'Bananas', 'Vine Tomatoes'],
  ] as const)('orders by %s', (sort, first, last) => {
    const list = names('', { sort });
    expect([list[0], list.at(-1)]).toEqual([first, last]);
  });

  it('stays within a category', () => {
    expect(names('', { category: 'Fruit' })).toEqual(['Red Apples', 'Bananas']);
    expect(names('tomato', { category: 'Pantry' })).toEqual(['Tomato Ketchup']);
    expect(names('', { category: 'Toys' })).toEqual([]);
  });
});

it('takes words apart', () => {
  expect(words('Crème fraîche, 30 % – Weißbier’s')).toEqual(['creme', 'fraiche', '30', 'weissbier', 's']);
});

it.each([
  ['tomatoes', 'tomato'],
  ['berries', 'berry'],
  ['apples', 'apple'],
  ['peaches', 'peach'],
  ['radishes', 'radish'],
  ['swiss', 'swiss'],
  ['gas', 'gas'],
])('folds %s to %s', (plural, one) => expect(singular(plural)).toBe(one));

it.each([
  ['milk', 'milk', 0, true],
  ['milk', 'mlik', 1, true],
  ['milk', 'mil', 1, true],
  ['milk', 'malt', 1, false],
  ['kitten', 'sitting', 3, true],
  ['kitten', 'sitting', 2, false],
  ['', 'ab', 2, true],
])('between %j and %j lie at most %i changes: %s', (a, b, limit, expected) => {
  expect(within(a, b, limit)).toBe(expected);
  expect(within(b, a, limit)).toBe(expected);
});
