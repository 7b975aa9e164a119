import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, it } from 'vitest';
import { session } from '@/lib/session';
import { add, fill, goToReview, signIn } from '@/testing/acts';
import { openShop } from '@/testing/open-shop';
import { ADDRESS, ShopAPI } from '@/testing/shop-api';

let api: ShopAPI;
beforeEach(() => {
  api = new ShopAPI();
  api.basket = [{ product_id: 2, quantity: 1 }];
});
const order = () => screen.findByRole('button', { name: /^Order now/ });
const asked = (call: string) => api.calls.filter((c) => c === call).length;
const READ = 'GET /api/v1/me/basket';
const ORDER = 'POST /api/v1/orders';
const AGE = 'POST /api/v1/me/age';

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

  it('tells a question about age that the shop did not hear from a no', async () => {
    api.basket = [{ product_id: 7, quantity: 1 }];
    api.down.add(AGE);
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    await user.click(await screen.findByRole('button', { name: 'Yes, I am 18 or older' }));
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('We cannot reach the shop');
    expect(alert).not.toHaveTextContent('or older only');
    api.down.clear();
    // The question still stands, and the order goes on with its answer.
    await user.click(screen.getByRole('button', { name: 'Yes, I am 18 or older' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('says in the shop’s words why it does not take a statement about age', async () => {
    api.basket = [{ product_id: 7, quantity: 1 }];
    api.refuse.set(AGE, [409, { error: 'Another date of birth is stored already.', code: 'birth_date_stored' }]);
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    await user.click(await screen.findByRole('button', { name: 'Yes, I am 18 or older' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Another date of birth is stored already.');
    expect(api.orders).toEqual([]);
  });

  it('sells nothing to who is not 18', async () => {
    api.basket = [{ product_id: 7, quantity: 1 }];
    const user = openShop('/checkout', api);
    await goToReview(user);
    await user.click(await order());
    await user.click(await screen.findByRole('button', { name: 'No' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('people of 18 or older only');
    expect(asked(AGE)).toBe(0);
  });

  it('is not in the way because the shop was away once while nobody did anything', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    api.refuse.set(READ, [503, { error: 'We are away.' }]);
    const before = asked(READ);
    document.dispatchEvent(new Event('visibilitychange'));
    await waitFor(() => expect(asked(READ)).toBe(before + 1));
    await user.click(await order());
    expect(await screen.findByRole('alert')).toHaveTextContent('We are away. Press the button again');
    api.refuse.clear();
    await user.click(await order());
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('is not in the way because a change was once taken back', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    api.refuse.set('PUT /api/v1/me/basket/items/{id}', [400, { error: 'Nobody eats so many.' }]);
    await user.click(screen.getByRole('button', { name: /^Basket, 1 item/ }));
    await user.click(await screen.findByRole('button', { name: 'One Bananas more' }));
    expect((await screen.findAllByText('Nobody eats so many.')).length).toBeGreaterThan(0);
    await user.click(screen.getByRole('button', { name: 'Close' }));
    await user.click(await order());
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('orders only what was shown when the button was pressed', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    api.refuse.set(READ, [503, { error: 'We are away.' }]);
    const before = asked(READ);
    document.dispatchEvent(new Event('visibilitychange'));
    await waitFor(() => expect(asked(READ)).toBe(before + 1));
    api.refuse.clear();
    api.basket = [{ product_id: 2, quantity: 2 }]; // from another device
    api.version++;
    await user.click(await order());
    expect(await screen.findByRole('alert')).toHaveTextContent('It comes to €8.58 now');
    expect(api.orders).toEqual([]);
    await user.click(await screen.findByRole('button', { name: 'Order now for €8.58' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
  });

  it('leads back to the field of the address that the shop refuses', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    api.refuse.set(ORDER, [400, { error: 'address.city is not valid', code: 'invalid', field: 'address.city' }]);
    await user.click(await order());
    const city = await screen.findByLabelText('City');
    expect(city).toHaveAccessibleDescription('A city, in one line of plain text.');
    await waitFor(() => expect(city).toHaveFocus());
    expect(screen.queryByText(/address\.city/)).not.toBeInTheDocument();
    api.refuse.clear();
    await user.clear(city);
    await fill(user, city, 'Kiel');
    await user.click(screen.getByRole('button', { name: 'Continue to payment' }));
    await user.click(await screen.findByRole('button', { name: 'Continue to review' }));
    await user.click(await order());
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(api.orders[0]?.address).toMatchObject({ street: 'Elbstr. 1', city: 'Kiel' });
  });

  it('names each step in the title, and goes on at its heading', async () => {
    const user = openShop('/checkout', api);
    await screen.findByRole('heading', { name: 'Delivery address' });
    expect(document.title).toBe('Checkout: Address | Grocery');
    await goToReview(user);
    await waitFor(() => expect(screen.getByRole('heading', { name: 'Review' })).toHaveFocus());
    expect(document.title).toBe('Checkout: Review | Grocery');
    await user.click(screen.getByRole('link', { name: 'Change the payment' }));
    await waitFor(() => expect(screen.getByRole('heading', { level: 2, name: 'Payment' })).toHaveFocus());
    expect(document.title).toBe('Checkout: Payment | Grocery');
  });

  it('keeps an address that is only half typed', async () => {
    const user = openShop('/checkout', api);
    await fill(user, await screen.findByLabelText('Street and number'), 'Elbstr. 1');
    user.unmount();
    openShop('/checkout', api);
    expect(await screen.findByLabelText('Street and number')).toHaveValue('Elbstr. 1');
    expect(window.location.pathname).toBe('/checkout/address');
  });

  it('has nothing to sell in an empty basket', async () => {
    api.basket = [];
    openShop('/checkout', api);
    expect(await screen.findByText('Your basket is empty')).toBeInTheDocument();
  });
});

describe('a session that runs out in the middle of the checkout', () => {
  const expire = () => session.begin({ ...api.session(), access_token: 'stale' });

  it('is renewed, and the order goes through once', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    expire();
    await user.click(await order());
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(asked('POST /api/v1/auth/refresh')).toBe(1);
    expect(api.orders).toHaveLength(1);
  });

  it('leads to the sign-in and back when it cannot be renewed, with address and basket kept', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user);
    await order();
    expire();
    api.cookie = false;
    await user.click(await order());
    expect(await screen.findByText(/Your session ran out. Sign in again/)).toBeInTheDocument();
    expect(api.orders).toEqual([]);
    await signIn(user);
    expect(await screen.findByText(/Elbstr. 1/)).toBeInTheDocument();
    expect(window.location.pathname).toBe('/checkout/review');
    await user.click(await screen.findByRole('button', { name: 'Order now for €6.79' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(api.orders).toHaveLength(1);
  });

  it('keeps what is typed at that moment', async () => {
    const user = openShop('/checkout', api);
    await fill(user, await screen.findByLabelText('Street and number'), 'Elbstr. 1');
    session.ended('expired');
    await signIn(user);
    expect(await screen.findByLabelText('Street and number')).toHaveValue('Elbstr. 1');
  });
});

describe('an order whose payment fails late', () => {
  it('gives the goods back into the basket, and says so', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user, 'Card that takes its time');
    await user.click(await order());
    expect(await screen.findByText('Waiting for your payment')).toBeInTheDocument();
    await screen.findByRole('button', { name: 'Basket, empty' });
    api.orders[0]!.status = 'cancelled';
    api.basket = [{ product_id: 2, quantity: 1 }];
    api.version++;
    const link = await screen.findByRole('link', { name: 'Your goods are back in your basket' });
    expect(await screen.findByRole('button', { name: /^Basket, 1 item/ })).toBeInTheDocument();
    await user.click(link);
    expect(await screen.findByRole('heading', { level: 1, name: 'Your basket' })).toBeInTheDocument();
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

  it('are printed with the name of the country, and with what a test card is', async () => {
    const user = openShop('/checkout', api);
    await goToReview(user, 'Card that pays');
    await user.click(await order());
    const receipt = await screen.findByRole('article', { name: 'Receipt G-2026-000001' });
    expect(receipt).toHaveTextContent('20457 Hamburg, Germany');
    expect(await within(receipt).findByText('This was a test: no money was taken.')).toBeInTheDocument();
  });

  it('that cannot be read right after buying have a page with a heading', async () => {
    api.refuse.set('GET /api/v1/orders/{id}', [503, { error: 'We are away.' }]);
    openShop('/thanks/1', api);
    expect(await screen.findByRole('heading', { level: 1, name: 'We could not get your order' })).toBeInTheDocument();
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
