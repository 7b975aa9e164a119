import { call } from '@/lib/api-client';
import { ApiError } from '@/lib/http';
import type { Basket, Line } from '@/lib/shop-types';

/** The stored basket of who is signed in. */
export function getBasket(): Promise<Basket> {
  return call('get', '/api/v1/me/basket', { auth: true }).then(checked);
}

/** Sets one product to a quantity (0 takes it out), provided that the basket is still the version that is known. */
export function setItem(productId: number, quantity: number, version: number): Promise<Basket> {
  const options = { auth: true, path: { id: productId }, headers: { 'If-Match': `"${version}"` } } as const;
  return (
    quantity > 0
      ? call('put', '/api/v1/me/basket/items/{id}', { ...options, body: { quantity } })
      : call('delete', '/api/v1/me/basket/items/{id}', options)
  ).then(checked);
}

/** Puts a guest's lines to the stored ones, the larger quantity of each product: a repeat doubles nothing. */
export function mergeBasket(items: Line[]): Promise<Basket> {
  return call('post', '/api/v1/me/basket/merge', { auth: true, body: { items } }).then(checked);
}

/** What lines cost that only this browser knows. */
export function quoteBasket(items: Line[]): Promise<Basket> {
  return call('post', '/api/v1/basket/quote', { body: { items } }).then(checked);
}

/** The basket as it is now, which the shop sends along when a change was made for an older version. */
export function basketOf(error: unknown): Basket | null {
  return error instanceof ApiError && error.status === 412 && isBasket(error.answer.basket) ? error.answer.basket : null;
}

/** Nothing is built upon an answer that is no basket. */
function checked(basket: Basket): Basket {
  if (!isBasket(basket)) throw new ApiError(502, 'The shop has a problem at the moment. Try again in a minute.');
  return basket;
}

function isBasket(value: unknown): value is Basket {
  return typeof value === 'object' && value !== null && Array.isArray((value as Basket).items) && Number.isInteger((value as Basket).version);
}
