import { screen } from '@testing-library/react';
import axe from 'axe-core';
import { expect, it } from 'vitest';
import { openShop } from '@/testing/open-shop';
import { ADDRESS, ShopAPI } from '@/testing/shop-api';

// Colours need a real browser: e2e/shop.e2e.mjs looks at them, in both themes.
it.each([
  ['/', 'Bananas'],
  ['/?q=tomatos&stock=yes', 'Vine Tomatoes'],
  ['/?q=caviar', 'Not on our shelves'],
  ['/product/2', 'Just ripe.'],
  ['/product/99', 'Not on our shelves'],
  ['/basket', 'Go to checkout'],
  ['/favourites', 'Bananas'],
  ['/checkout/address', 'Continue to payment'],
  ['/checkout/payment', 'Continue to review'],
  ['/checkout/review', 'Change the address'],
  ['/orders', 'G-2026-000001'],
  ['/orders/1', 'Print the receipt'],
  ['/thanks/1', 'It’s on its way'],
  ['/account', 'Sign out everywhere'],
  ['/nowhere', 'Back to the shop'],
])('axe finds nothing at %s', async (path, sign) => {
  const api = new ShopAPI();
  api.favourites = [2];
  api.basket = [{ product_id: 2, quantity: 1 }];
  api.orders = [
    {
      id: 1,
      number: 'G-2026-000001',
      status: 'placed',
      created_at: '2026-05-01T10:00:00Z',
      items: [{ product_id: 2, name: 'Bananas (ordered)', image_url: '/products/2.webp', price_cents: 179, quantity: 1, line_cents: 179 }],
      subtotal_cents: 179,
      delivery_cents: 500,
      total_cents: 679,
      address: ADDRESS,
      payment: { method: 'cash_on_delivery', status: 'due' },
    },
  ];
  sessionStorage.setItem('grocery.checkout', JSON.stringify({ user: 1, address: ADDRESS, payment: { method: 'card', card_token: 'test_ok' } }));
  openShop(path, api);
  await screen.findAllByText(sign);
  const { violations } = await axe.run(document, { rules: { 'color-contrast': { enabled: false } } });
  expect(violations.map((v) => `${v.id}: ${v.help} ${v.nodes.map((n) => n.html).join(' ')}`)).toEqual([]);
});

it.each(['/sign-in', '/register'])('axe finds nothing at %s', async (path) => {
  new ShopAPI();
  openShop(path);
  await screen.findByLabelText('Password');
  const { violations } = await axe.run(document, { rules: { 'color-contrast': { enabled: false } } });
  expect(violations.map((v) => v.id)).toEqual([]);
});
