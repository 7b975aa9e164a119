import { screen, waitFor, within } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import { session } from '@/lib/session';
import { add } from '@/testing/acts';
import { openShop } from '@/testing/open-shop';
import { server } from '@/testing/server';
import { ShopAPI } from '@/testing/shop-api';

describe('a guest’s basket', () => {
  it('counts up and down, adds up exactly and tells what is missing to free delivery', async () => {
    new ShopAPI();
    const user = openShop();
    await user.click(await add('Tomato Ketchup'));
    await user.click(await add('Natural Yogurt'));
    await user.click(screen.getByRole('button', { name: 'One Tomato Ketchup more' }));
    await user.click(screen.getByRole('button', { name: /^Basket, 3 items/ }));
    const drawer = await screen.findByRole('dialog', { name: 'Your basket' });
    // 2 x 0.10 + 0.20: floats would make 0.4000…
    expect(within(drawer).getByText('€5.40')).toBeInTheDocument();
    expect(within(drawer).getByText('€19.60')).toBeInTheDocument();
    await user.click(within(drawer).getByRole('button', { name: 'Remove Natural Yogurt' }));
    expect(within(drawer).queryByText('Natural Yogurt')).not.toBeInTheDocument();
  });

  it('is still there after a reload, priced by the shop and kept by the browser', async () => {
    const api = new ShopAPI();
    const user = openShop();
    await user.click(await add('Bananas'));
    user.unmount();
    openShop('/basket');
    expect((await screen.findAllByText('€6.79')).length).toBeGreaterThan(0);
    expect(api.calls.filter((c) => c.includes('/me/'))).toEqual([]);
  });

  it('has free delivery from 20 euros on', async () => {
    new ShopAPI();
    localStorage.setItem('grocery.basket', '[{"product_id":1,"quantity":9}]');
    openShop('/basket');
    expect(await screen.findByText('Delivery is free')).toBeInTheDocument();
    expect(screen.getByText('Free')).toBeInTheDocument();
  });

  it('lets go of a product that the shop no longer has', async () => {
    new ShopAPI();
    localStorage.setItem('grocery.basket', '[{"product_id":999,"quantity":1}]');
    const user = openShop('/basket');
    expect(await screen.findByText('No longer on our shelves')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Remove' }));
    expect(screen.getByText('Your basket is empty')).toBeInTheDocument();
  });

  it('keeps the keyboard at its lines when one is removed, and at what is said when none is left', async () => {
    new ShopAPI();
    localStorage.setItem('grocery.basket', '[{"product_id":1,"quantity":1},{"product_id":999,"quantity":1},{"product_id":2,"quantity":1}]');
    const user = openShop('/basket');
    await user.click(await screen.findByRole('button', { name: 'Remove Red Apples' }));
    expect(screen.getByRole('button', { name: 'Remove' })).toHaveFocus();
    await user.keyboard('{Enter}');
    expect(screen.getByRole('button', { name: 'One Bananas more' })).toHaveFocus();
    await user.click(screen.getByRole('button', { name: 'Remove Bananas' }));
    expect(screen.getByRole('heading', { name: 'Your basket is empty' })).toHaveFocus();
  });

  it('follows the other windows of the browser', async () => {
    new ShopAPI();
    openShop('/basket');
    await screen.findByText('Your basket is empty');
    localStorage.setItem('grocery.basket', '[{"product_id":2,"quantity":1}]');
    window.dispatchEvent(new StorageEvent('storage', { key: 'grocery.basket' }));
    expect(await screen.findByText('Bananas')).toBeInTheDocument();
  });
});

describe('alcohol', () => {
  it('stands behind one question about age, and a no keeps it out', async () => {
    new ShopAPI();
    const user = openShop();
    await user.click(await add('Riesling'));
    await user.click(await screen.findByRole('button', { name: 'No' }));
    expect(screen.getByRole('button', { name: 'Basket, empty' })).toBeInTheDocument();

    await user.click(await add('Riesling'));
    await user.click(screen.getByRole('button', { name: 'Yes, I am 18 or older' }));
    // The keyboard is where the button was that asked.
    await waitFor(() => expect(screen.getByRole('button', { name: 'One Riesling more' })).toHaveFocus());
    await user.click(screen.getByRole('button', { name: 'One Riesling more' }));
    expect(screen.queryByRole('dialog')).not.toBeInTheDocument();
    expect(screen.getByRole('button', { name: 'Basket, 2 items, €15.98' })).toBeInTheDocument();
  });

  it('is confirmed at the shop by who is signed in', async () => {
    const api = new ShopAPI();
    const user = openShop('/', api);
    await user.click(await add('Riesling'));
    await user.click(await screen.findByRole('button', { name: 'Yes, I am 18 or older' }));
    await waitFor(() => expect(api.basket).toEqual([{ product_id: 7, quantity: 1 }]));
    expect(session.state.user?.is_adult).toBe(true);
  });

  it('stays out when the shop does not take the answer, and the question says why', async () => {
    const api = new ShopAPI();
    api.refuse.set('POST /api/v1/me/age', [409, { error: 'Another date of birth is stored.' }]);
    const user = openShop('/', api);
    await user.click(await add('Riesling'));
    const dialog = await screen.findByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: 'Yes, I am 18 or older' }));
    expect(await within(dialog).findByText('Another date of birth is stored.')).toBeInTheDocument();
    expect(localStorage.getItem('grocery.of-age')).toBeNull();
    await user.click(within(dialog).getByRole('button', { name: 'No' }));
    expect(screen.queryByRole('dialog')).not.toBeInTheDocument();
    expect(api.basket).toEqual([]);
  });

  it('counts every press while the shop is being told, and tells it once', async () => {
    const api = new ShopAPI();
    localStorage.setItem('grocery.of-age', 'yes');
    let told = 0;
    let answer = () => undefined as void;
    server.use(
      http.post('/api/v1/me/age', async () => {
        told++;
        await new Promise<void>((done) => (answer = done));
        return HttpResponse.json({ is_adult: true, age: 'adult' });
      }),
    );
    const user = openShop('/', api);
    const button = await add('Riesling');
    await user.click(button);
    await user.click(button);
    await waitFor(() => expect(told).toBe(1));
    answer();
    await waitFor(() => expect(api.basket).toEqual([{ product_id: 7, quantity: 2 }]));
    expect(told).toBe(1);
  });

  it('is not for an account that is too young', async () => {
    const api = new ShopAPI();
    api.me = { ...api.me, age: 'minor' };
    const user = openShop('/', api);
    await user.click(await add('Riesling'));
    expect(await screen.findByText(/your account says that you are younger/)).toBeInTheDocument();
    expect(api.basket).toEqual([]);
  });
});

describe('a stored basket that cannot be read', () => {
  it('is said to be safe, is not overwritten by adding, and comes back', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 1, quantity: 5 }];
    api.down.add('GET /api/v1/me/basket');
    const user = openShop('/basket', api);
    expect(await screen.findByText('We could not get your basket')).toBeInTheDocument();

    await user.click(screen.getByRole('link', { name: 'Grocery' }));
    await user.click(await add('Bananas'));
    await waitFor(() => expect(api.calls.filter((c) => c === 'GET /api/v1/me/basket')).toHaveLength(2));
    expect(await add('Bananas')).toBeInTheDocument();
    expect(api.writes).toEqual([]);

    api.down.clear();
    await user.click(await add('Bananas'));
    await waitFor(() =>
      expect(api.basket).toEqual([
        { product_id: 1, quantity: 5 },
        { product_id: 2, quantity: 1 },
      ]),
    );
  });
});
