import { screen, waitFor, within } from '@testing-library/react';
import { expect, it, describe } from 'vitest';
import { session } from '@/lib/session';
import { openShop } from '@/testing/open-shop';
import { ShopAPI, tokenOf } from '@/testing/shop-api';

const add = (name: string) => screen.findByRole('button', { name: `Add ${name} to basket` });
const shown = () => screen.queryAllByRole('heading', { level: 3 }).map((h) => h.textContent);

async function signIn(user: ReturnType<typeof openShop>, password = 'secret1') {
  await user.type(await screen.findByLabelText('Email'), 'anna@example.com');
  await user.type(screen.getByLabelText('Password'), password);
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
}

describe('the catalogue', () => {
  it('stands on its shelves by aisle, with prices and packs', async () => {
    new ShopAPI();
    openShop();
    expect(await screen.findByText('7 products in 5 aisles')).toBeInTheDocument();
    const fruit = screen.getByRole('region', { name: 'Fruit' });
    expect(within(fruit).getByRole('link', { name: 'Red Apples' })).toBeInTheDocument();
    expect(within(fruit).getByText('€2.49')).toBeInTheDocument();
    expect(within(fruit).queryByText('Riesling')).not.toBeInTheDocument();
  });

  it('is searched while typing, and the address follows', async () => {
    new ShopAPI();
    const user = openShop();
    await screen.findByText('Bananas');
    await user.type(screen.getByRole('searchbox'), 'tomatos');
    await waitFor(() => expect(shown()).toEqual(['Vine Tomatoes', 'Tomato Ketchup']));
    expect(window.location.search).toBe('?q=tomatos');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(shown()).toHaveLength(7));
    expect(window.location.search).toBe('');
  });

  it('opens searched, filtered and ordered from an address', async () => {
    new ShopAPI();
    openShop('/?category=Dairy&sort=cheap');
    await waitFor(() => expect(shown()).toEqual(['Natural Yogurt', 'Crème fraîche']));
    expect(screen.getByRole('button', { name: 'Dairy' })).toHaveAttribute('aria-pressed', 'true');
  });

  it('goes back to all aisles with the browser’s button', async () => {
    new ShopAPI();
    const user = openShop();
    await user.click(await screen.findByRole('button', { name: 'Fruit' }));
    await waitFor(() => expect(shown()).toEqual(['Red Apples', 'Bananas']));
    window.history.back();
    await waitFor(() => expect(shown()).toHaveLength(7));
  });

  it('says so when nothing is found, and leads back to everything', async () => {
    new ShopAPI();
    const user = openShop('/?q=caviar');
    expect(await screen.findByText('Not on our shelves')).toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Show everything' }));
    await waitFor(() => expect(shown()).toHaveLength(7));
  });

  it('says in the shop’s words that it is closed, and opens when tried again', async () => {
    const api = new ShopAPI();
    api.refuse.set('GET /api/products/all_products', [503, { error: 'The shop is not available at the moment.' }]);
    const user = openShop();
    expect(await screen.findByText('The shop is not available at the moment.')).toBeInTheDocument();
    api.refuse.clear();
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Bananas')).toBeInTheDocument();
  });

  it('has a page for each product, with what buyers say', async () => {
    new ShopAPI();
    openShop('/product/2');
    expect(await screen.findByRole('heading', { level: 1, name: 'Bananas' })).toBeInTheDocument();
    expect(screen.getByText('Just ripe.')).toBeInTheDocument();
    expect(screen.getByText('4 of 5')).toBeInTheDocument();
    expect(document.title).toBe('Bananas | Grocery');
  });

  it.each(['/product/999', '/nowhere'])('has nothing at %s and says so', async (path) => {
    new ShopAPI();
    openShop(path);
    expect(await screen.findByRole('link', { name: 'Back to the shop' })).toHaveAttribute('href', '/');
  });
});

describe('a guest’s basket', () => {
  it('counts up and down, adds up exactly and tells what is missing to free delivery', async () => {
    new ShopAPI();
    const user = openShop();
    await user.click(await add('Tomato Ketchup'));
    await user.click(await add('Natural Yogurt'));
    await user.click(screen.getByRole('button', { name: 'One Tomato Ketchup more' }));
    await user.click(screen.getByRole('button', { name: /^Basket, 3 items/ }));
    const drawer = screen.getByRole('dialog', { name: 'Your basket' });
    // 2 x 0.10 + 0.20: floats would make 0.4000…
    expect(within(drawer).getByText('€5.40')).toBeInTheDocument();
    expect(within(drawer).getByText('€19.60')).toBeInTheDocument();
    await user.click(within(drawer).getByRole('button', { name: 'Remove Natural Yogurt' }));
    expect(within(drawer).queryByText('Natural Yogurt')).not.toBeInTheDocument();
  });

  it('is still there after a reload and is never sent to the shop', async () => {
    const api = new ShopAPI();
    const user = openShop();
    await user.click(await add('Bananas'));
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
});

describe('alcohol', () => {
  it('stands behind one question about age, and a no keeps it out', async () => {
    new ShopAPI();
    const user = openShop();
    await user.click(await add('Riesling'));
    await user.click(screen.getByRole('button', { name: 'No' }));
    expect(screen.getByRole('button', { name: 'Basket, empty' })).toBeInTheDocument();

    await user.click(await add('Riesling'));
    await user.click(screen.getByRole('button', { name: 'Yes, I am 18 or older' }));
    await user.click(await screen.findByRole('button', { name: 'One Riesling more' }));
    expect(screen.queryByRole('dialog')).not.toBeInTheDocument();
    expect(screen.getByRole('button', { name: 'Basket, 2 items, €15.98' })).toBeInTheDocument();
  });

  it('is bought after the confirmation is stored at the shop', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 7, quantity: 1 }];
    const user = openShop('/checkout', { signedIn: true });
    await user.click(await screen.findByRole('button', { name: 'Buy now for €12.99' }));
    await user.click(screen.getByRole('button', { name: 'Yes, I am 18 or older' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(api.isAdult).toBe(true);
  });

  it('is not bought when the account says otherwise', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 7, quantity: 1 }];
    api.refuse.set('POST /api/v1/me/age', [200, { is_adult: false }]);
    localStorage.setItem('grocery.of-age', 'yes');
    const user = openShop('/checkout', { signedIn: true });
    await user.click(await screen.findByRole('button', { name: /Buy now/ }));
    expect(await screen.findByText(/not yet 18/)).toBeInTheDocument();
    expect(api.purchases).toEqual([]);
  });
});

describe('signing in', () => {
  it('shows the shop’s own words when it is refused', async () => {
    new ShopAPI();
    const user = openShop('/sign-in');
    await signIn(user, 'wrong');
    expect(await screen.findByRole('alert')).toHaveTextContent('Invalid username or password');
  });

  it('leads back to where one was and shows who is there', async () => {
    new ShopAPI();
    const user = openShop('/product/2');
    await user.click(await screen.findByRole('link', { name: 'Sign in' }));
    await signIn(user);
    expect(await screen.findByRole('heading', { level: 1, name: 'Bananas' })).toBeInTheDocument();
    expect(await screen.findByLabelText('Account of anna')).toBeInTheDocument();
  });

  it('never leads to another site', async () => {
    new ShopAPI();
    const user = openShop('/sign-in?next=//evil.example.com');
    await signIn(user);
    expect(await screen.findByText('7 products in 5 aisles')).toBeInTheDocument();
    expect(window.location.pathname).toBe('/');
  });

  it('puts the guest’s goods to the stored ones, the larger quantity of each', async () => {
    const api = new ShopAPI();
    api.basket = [
      { product_id: 1, quantity: 5 },
      { product_id: 2, quantity: 1 },
    ];
    localStorage.setItem('grocery.basket', '[{"product_id":2,"quantity":3},{"product_id":3,"quantity":1},{"product_id":999,"quantity":1}]');
    const user = openShop('/sign-in');
    await signIn(user);
    await waitFor(() =>
      expect(api.basket).toEqual([
        { product_id: 1, quantity: 5 },
        { product_id: 2, quantity: 3 },
        { product_id: 3, quantity: 1 },
      ]),
    );
    await waitFor(() => expect(localStorage.getItem('grocery.basket')).toBeNull());
  });

  it('opens an account and is in', async () => {
    const api = new ShopAPI();
    const user = openShop('/register');
    await user.type(await screen.findByLabelText('Name'), 'ben');
    await user.type(screen.getByLabelText('Email'), 'ben@example.com');
    await user.type(screen.getByLabelText('Password'), 'secret2');
    await user.click(screen.getByRole('button', { name: 'Create account' }));
    expect(await screen.findByText('7 products in 5 aisles')).toBeInTheDocument();
    expect(api.users.get('ben@example.com')?.username).toBe('ben');
    expect(session.token).not.toBeNull();
  });

  it('says which field is taken', async () => {
    new ShopAPI();
    const user = openShop('/register');
    await user.type(await screen.findByLabelText('Name'), 'anna');
    await user.type(screen.getByLabelText('Email'), 'anna@example.com');
    await user.type(screen.getByLabelText('Password'), 'secret2');
    await user.click(screen.getByRole('button', { name: 'Create account' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Email already exists');
  });

  it('ends when the shop refuses the token, and says so', async () => {
    const api = new ShopAPI();
    api.refuse.set('GET /api/me/basket', [401, { msg: 'Token has expired' }]);
    openShop('/', { signedIn: true });
    expect(await screen.findByRole('link', { name: 'Sign in' })).toBeInTheDocument();
    expect(screen.getByText(/your session ran out/)).toBeInTheDocument();
    expect(session.token).toBeNull();
  });

  it('ends when the token runs out', async () => {
    new ShopAPI();
    session.begin(tokenOf('anna@example.com', Date.now() / 1000 - 1));
    openShop();
    expect(await screen.findByRole('link', { name: 'Sign in' })).toBeInTheDocument();
  });

  it('leaves nothing behind when one signs out', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 2, quantity: 2 }];
    localStorage.setItem('grocery.of-age', 'yes');
    const user = openShop('/', { signedIn: true });
    await screen.findByRole('button', { name: /^Basket, 2 items/ });
    await user.click(await screen.findByLabelText('Account of anna'));
    await user.click(screen.getByRole('button', { name: 'Sign out' }));
    expect(await screen.findByRole('button', { name: 'Basket, empty' })).toBeInTheDocument();
    expect(localStorage.getItem('grocery.of-age')).toBeNull();
    expect(localStorage.getItem('grocery.token')).toBeNull();
    expect(api.basket).toEqual([{ product_id: 2, quantity: 2 }]);
  });
});

describe('buying', () => {
  it('asks a guest to sign in first, takes the goods along, and ends with a receipt and an empty basket', async () => {
    const api = new ShopAPI();
    const user = openShop();
    await user.click(await add('Bananas'));
    await user.click(screen.getByRole('button', { name: /^Basket, 1 item/ }));
    await user.click(screen.getByRole('link', { name: 'Go to checkout' }));
    expect(await screen.findByText(/What is in your basket comes along/)).toBeInTheDocument();
    await signIn(user);
    await user.click(await screen.findByRole('button', { name: 'Buy now for €6.79' }));
    expect(await screen.findByText('It’s on its way')).toBeInTheDocument();
    expect(screen.getByText('Product purchased successfully and basket cleared')).toBeInTheDocument();
    expect(screen.getByText('€6.79')).toBeInTheDocument();
    expect(screen.getByRole('button', { name: 'Basket, empty' })).toBeInTheDocument();
    expect(api.purchases).toEqual([{ ids: [2], sold: [{ product_id: 2, quantity: 1 }] }]);
  });

  it('buys once however often the button is pressed', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 2, quantity: 1 }];
    const user = openShop('/checkout', { signedIn: true });
    await user.dblClick(await screen.findByRole('button', { name: /Buy now/ }));
    await screen.findByText('It’s on its way');
    expect(api.purchases).toHaveLength(1);
  });

  it('keeps the basket and says why when the shop refuses', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 2, quantity: 1 }];
    api.refuse.set('POST /api/me/purchase', [409, { error: 'Bananas are sold out.' }]);
    const user = openShop('/checkout', { signedIn: true });
    await user.click(await screen.findByRole('button', { name: /Buy now/ }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Bananas are sold out.');
    expect(screen.getByRole('button', { name: /^Basket, 1 item/ })).toBeInTheDocument();
  });

  it('notices a purchase whose answer got lost', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 2, quantity: 1 }];
    const user = openShop('/checkout', { signedIn: true });
    const buy = await screen.findByRole('button', { name: /Buy now/ });
    api.down.add('POST /api/me/purchase');
    api.basket = [];
    await user.click(buy);
    expect(await screen.findByText(/Your order went through/)).toBeInTheDocument();
  });

  it('says that nothing was bought when the shop cannot be reached', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 2, quantity: 1 }];
    const user = openShop('/checkout', { signedIn: true });
    api.down.add('POST /api/me/purchase');
    await user.click(await screen.findByRole('button', { name: /Buy now/ }));
    expect(await screen.findByRole('alert')).toHaveTextContent('We cannot reach the shop');
    expect(api.basket).toHaveLength(1);
  });
});

describe('a stored basket that cannot be read', () => {
  it('is said to be safe, is not overwritten by adding, and comes back', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 1, quantity: 5 }];
    api.down.add('GET /api/me/basket');
    const user = openShop('/basket', { signedIn: true });
    expect(await screen.findByText('We could not get your basket')).toBeInTheDocument();

    await user.click(screen.getByRole('link', { name: 'Grocery' }));
    await user.click(await add('Bananas'));
    await waitFor(() => expect(api.calls.filter((c) => c === 'GET /api/me/basket')).toHaveLength(2));
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

it('says that the browser is offline', async () => {
  new ShopAPI();
  openShop();
  await screen.findByText('Bananas');
  Object.defineProperty(navigator, 'onLine', { value: false, configurable: true });
  window.dispatchEvent(new Event('offline'));
  expect(await screen.findByText(/You are offline/)).toBeInTheDocument();
  Object.defineProperty(navigator, 'onLine', { value: true, configurable: true });
  window.dispatchEvent(new Event('online'));
  await waitFor(() => expect(screen.queryByText(/You are offline/)).not.toBeInTheDocument());
});

it('is led to the search by the slash key, and opens the basket with the keyboard alone', async () => {
  new ShopAPI();
  const user = openShop();
  await screen.findByText('Bananas');
  await user.keyboard('/ban');
  await waitFor(() => expect(shown()).toEqual(['Bananas']));
  screen.getByRole('button', { name: 'Add Bananas to basket' }).focus();
  await user.keyboard('{Enter}');
  // The control changed under the finger: the keyboard is still on its plus.
  await waitFor(() => expect(screen.getByRole('button', { name: 'One Bananas more' })).toHaveFocus());
  await user.keyboard('{Enter}');
  expect(screen.getByRole('button', { name: /^Basket, 2 items/ })).toBeInTheDocument();
});
