import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, it } from 'vitest';
import { add, goToReview, signIn } from '@/testing/acts';
import { openShop } from '@/testing/open-shop';
import { ADDRESS, ShopAPI } from '@/testing/shop-api';

let api: ShopAPI;
beforeEach(() => {
  api = new ShopAPI();
  api.basket = [{ product_id: 2, quantity: 1 }];
});
const order = () => screen.findByRole('button', { name: /^Order now/ });

describe('the checkout', () => {
  it('asks a guest to sign in first, takes the goods along, and ends with a receipt and an empty basket', async () => {
    api.basket = [];
    const user = openShop();
    await user.click(await add('Bananas'));
    await user.click(screen.getByRole('button', { name: /^Basket, 1 item/ }));
    await user.click(await screen.findByRole('link', { name: 'Go to checkout' }));
    expect(await screen.findByText(/What is in your basket comes along/)).toBeInTheDocument();
    await signIn(user);
    await goToReview(user);
    expect(await screen.findByText(/Elbstr. 1/)).toBeInTheDocument();
    await user.click(await screen.findByRole('button', { name: 'Order now for €6.79' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(screen.getByText(/Your order G-2026-000001 is placed/)).toBeInTheDocument();
    expect(screen.getByText('€6.79')).toBeInTheDocument();
    await screen.findByRole('button', { name: 'Basket, empty' });
    expect(api.orders[0]?.address).toEqual(ADDRESS);
  });

  it('leads to the step where something is missing, and keeps what was filled in', async () => {
    const user = openShop('/checkout/review', api);
    await goToReview(user);
    await order();
    user.unmount();
    const again = openShop('/checkout/review', api);
    await order();
    await again.click(screen.getByRole('link', { name: 'Change the address' }));
    expect(await screen.findByLabelText('City')).toHaveValue('Hamburg');
  });

  it('knows the address of the last order', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    await screen.findByText('It’s on its way');
    user.unmount();
    api.basket = [{ product_id: 3, quantity: 1 }];
    openShop('/checkout', api);
    expect(await screen.findByLabelText('Street and number')).toHaveValue('Elbstr. 1');
  });

  it('orders once however often the button is pressed', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.dblClick(await order());
    await screen.findByText('It’s on its way');
    expect(api.orders).toHaveLength(1);
  });

  it('finds an order whose answer got lost, also after a reload', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    api.lost.add('POST /api/v1/orders');
    await user.click(await order());
    expect(await screen.findByRole('alert')).toHaveTextContent('nothing is bought twice');
    user.unmount();
    api.lost.clear();
    const again = openShop('/checkout/review', api);
    expect(await screen.findByText(/the answer got lost/)).toBeInTheDocument();
    await again.click(await order());
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(api.orders).toHaveLength(1);
  });

  it('explains that there is less than wanted, and goes on with what there is', async () => {
    api.basket = [{ product_id: 5, quantity: 2 }];
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    api.products.find((p) => p.id === 5)!.stock = 1;
    await user.click(await order());
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('Crème fraîche: only 1 left');
    await user.click(within(alert).getByRole('button', { name: 'Take 1' }));
    await waitFor(() => expect(api.basket).toEqual([{ product_id: 5, quantity: 1 }]));
    await user.click(await screen.findByRole('button', { name: 'Order now for €6.19' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('shows a price that has changed before anything is bought', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    api.products.find((p) => p.id === 2)!.price_cents = 199;
    await user.click(await order());
    expect(await screen.findByRole('alert')).toHaveTextContent('It comes to €6.99 now');
    expect(api.orders).toEqual([]);
    await user.click(await screen.findByRole('button', { name: 'Order now for €6.99' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('marks the test of cards as one, and leads on from a card that is declined', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user, 'Card that is declined');
    await user.click(await order());
    expect(await screen.findByRole('alert')).toHaveTextContent('The card was declined.');
    await user.click(screen.getByRole('link', { name: 'Pay in another way' }));
    expect(await screen.findByText(/no money is taken. Choose/)).toBeInTheDocument();
    await user.click(screen.getByRole('radio', { name: 'Card that pays' }));
    await user.click(screen.getByRole('button', { name: 'Continue to review' }));
    await user.click(await order());
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('waits for a card that takes its time', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user, 'Card that takes its time');
    await user.click(await order());
    expect(await screen.findByText('Waiting for your payment')).toBeInTheDocument();
    api.orders[0]!.status = 'placed';
    expect(await screen.findByText('It’s on its way', {}, { timeout: 5000 })).toBeInTheDocument();
  });

  it('sells alcohol after one question', async () => {
    api.basket = [{ product_id: 7, quantity: 1 }];
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    await user.click(await screen.findByRole('button', { name: 'Yes, I am 18 or older' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(api.me.is_adult).toBe(true);
  });

  it('sells no alcohol to an account that is too young', async () => {
    api.basket = [{ product_id: 7, quantity: 1 }];
    api.me = { ...api.me, age: 'minor' };
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    expect(await screen.findByRole('link', { name: 'Take the alcohol out of the basket' })).toBeInTheDocument();
    expect(api.orders).toEqual([]);
  });

  it('has nothing to sell in an empty basket', async () => {
    api.basket = [];
    openShop('/checkout', api);
    expect(await screen.findByText('Your basket is empty')).toBeInTheDocument();
  });
});

describe('orders', () => {
  const place = async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    await screen.findByText('It’s on its way');
    return user;
  };

  it('are listed, shown as receipts, and ordered again', async () => {
    const user = await place();
    await user.click(screen.getByRole('link', { name: 'Your orders' }));
    await user.click(await screen.findByRole('link', { name: 'G-2026-000001' }));
    const receipt = await screen.findByRole('article', { name: 'Receipt G-2026-000001' });
    expect(within(receipt).getByText('Hamburg', { exact: false })).toBeInTheDocument();
    expect(within(receipt).getByRole('row', { name: /Bananas/ })).toHaveTextContent('€1.79');
    await user.click(screen.getByRole('button', { name: 'Order again, G-2026-000001' }));
    expect(await screen.findByRole('heading', { level: 1, name: 'Your basket' })).toBeInTheDocument();
    expect(screen.getByText(/we do not have it at the moment: Old Cheese\./)).toBeInTheDocument();
    expect(screen.getByText(/it is all we have: Bananas\./)).toBeInTheDocument();
    expect(api.basket).toEqual([{ product_id: 2, quantity: 1 }]);
  });

  it('of others are not shown', async () => {
    openShop('/orders/77', api);
    expect(await screen.findByText('No such order')).toBeInTheDocument();
  });

  it('that do not exist yet are no empty page', async () => {
    openShop('/orders', api);
    expect(await screen.findByText('Nothing ordered yet')).toBeInTheDocument();
  });
});
