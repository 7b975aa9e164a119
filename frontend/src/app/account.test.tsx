import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { session } from '@/lib/session';
import { fill, signIn } from '@/testing/acts';
import { openShop } from '@/testing/open-shop';
import { ShopAPI } from '@/testing/shop-api';

describe('signing in', () => {
  it('shows the shop’s own words when it is refused', async () => {
    new ShopAPI();
    const user = openShop('/sign-in');
    await signIn(user, 'wrong');
    expect(await screen.findByRole('alert')).toHaveTextContent('Email or password is wrong.');
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
    await fill(user, await screen.findByLabelText('Name'), 'ben');
    await fill(user, screen.getByLabelText('Email'), 'ben@example.com');
    await fill(user, screen.getByLabelText('Password'), 'secret2');
    await user.click(screen.getByRole('button', { name: 'Create account' }));
    expect(await screen.findByText('7 products in 5 aisles')).toBeInTheDocument();
    expect(api.me.username).toBe('ben');
    expect(session.state.who).toBe('member');
  });

  it('says at the field what is taken', async () => {
    new ShopAPI();
    const user = openShop('/register');
    await fill(user, await screen.findByLabelText('Name'), 'anna');
    await fill(user, screen.getByLabelText('Email'), 'anna@example.com');
    await fill(user, screen.getByLabelText('Password'), 'secret2');
    await user.click(screen.getByRole('button', { name: 'Create account' }));
    await waitFor(() => expect(screen.getByLabelText('Email')).toHaveAccessibleDescription('This email has an account already.'));
    expect(screen.getByLabelText('Email')).toHaveFocus();
  });

  it.each(['/orders', '/orders/1', '/favourites', '/account', '/checkout', '/thanks/1'])('stands before %s, and leads there', async (path) => {
    new ShopAPI();
    openShop(path);
    expect(await screen.findByRole('heading', { level: 1, name: 'Sign in' })).toBeInTheDocument();
    expect(window.location.search).toBe(`?next=${encodeURIComponent(path)}`);
  });
});

describe('a session', () => {
  it('is there again after a reload', async () => {
    const api = new ShopAPI();
    api.cookie = true;
    api.basket = [{ product_id: 2, quantity: 2 }];
    localStorage.setItem('grocery.session', 'in');
    openShop('/orders');
    expect(await screen.findByLabelText('Account of anna')).toBeInTheDocument();
    expect(await screen.findByText('Nothing ordered yet')).toBeInTheDocument();
    expect(await screen.findByRole('button', { name: /^Basket, 2 items/ })).toBeInTheDocument();
    expect(api.calls.filter((c) => c === 'POST /api/v1/auth/refresh')).toHaveLength(1);
  });

  it('waits while the shop is away, and comes when it is back', async () => {
    const api = new ShopAPI();
    api.cookie = true;
    api.down.add('POST /api/v1/auth/refresh');
    localStorage.setItem('grocery.session', 'in');
    openShop();
    await screen.findByText('Bananas');
    expect(screen.queryByRole('link', { name: 'Sign in' })).not.toBeInTheDocument();
    api.down.clear();
    window.dispatchEvent(new Event('online'));
    expect(await screen.findByLabelText('Account of anna')).toBeInTheDocument();
  });

  it('ends when the shop refuses it, and says so', async () => {
    const api = new ShopAPI();
    api.refuse.set('GET /api/v1/me/basket', [401, { error: 'Please sign in again.', code: 'token_revoked', msg: 'Token has been revoked' }]);
    openShop('/', api);
    expect(await screen.findByRole('link', { name: 'Sign in' })).toBeInTheDocument();
    expect(screen.getByText(/your session ran out/)).toBeInTheDocument();
  });

  it('leaves nothing behind when one signs out', async () => {
    const api = new ShopAPI();
    api.basket = [{ product_id: 2, quantity: 2 }];
    localStorage.setItem('grocery.of-age', 'yes');
    sessionStorage.setItem('grocery.checkout', '{"user":1}');
    const user = openShop('/account', api);
    await screen.findByRole('button', { name: /^Basket, 2 items/ });
    await user.click(await screen.findByLabelText('Account of anna'));
    await user.click(screen.getByRole('button', { name: 'Sign out' }));
    expect(await screen.findByRole('button', { name: 'Basket, empty' })).toBeInTheDocument();
    expect(window.location.pathname).toBe('/');
    await waitFor(() => expect({ ...localStorage, ...sessionStorage }).toEqual({}));
    expect(api.basket).toEqual([{ product_id: 2, quantity: 2 }]);
    expect(api.cookie).toBe(false);
  });
});

describe('the account', () => {
  it('changes its name, and its email with the password', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    await user.clear(await screen.findByLabelText('Name'));
    await fill(user, screen.getByLabelText('Name'), 'anna k');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByLabelText('Account of anna k')).toBeInTheDocument();
    await user.clear(screen.getByLabelText('Email'));
    await fill(user, screen.getByLabelText('Email'), 'k@example.com');
    await fill(user, screen.getByLabelText(/Your password, to change/), 'wrong');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('The password is wrong.');
    expect(session.state.who).toBe('member');
    await user.clear(screen.getByLabelText(/Your password, to change/));
    await fill(user, screen.getByLabelText(/Your password, to change/), 'secret1');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(api.me.email).toBe('k@example.com'));
  });

  it('changes its password', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    await fill(user, await screen.findByLabelText('Current password'), 'secret1');
    await fill(user, screen.getByLabelText('New password'), 'secret22');
    await user.click(screen.getByRole('button', { name: 'Change password' }));
    expect(await screen.findByText(/Your password is changed/)).toBeInTheDocument();
    expect(api.password).toBe('secret22');
  });

  it('shows a picture before it is used, and refuses what is none', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    const input = await screen.findByLabelText('Choose a picture');
    await user.upload(input, new File(['x'], 'me.png', { type: 'image/png' }));
    expect(screen.getByAltText('Your new picture')).toHaveAttribute('src', 'blob:picture');
    await user.click(screen.getByRole('button', { name: 'Use this picture' }));
    await waitFor(() => expect(screen.getByAltText('Your picture')).toHaveAttribute('src', '/api/me/avatar/new.png'));

    await user.upload(screen.getByLabelText('Choose a picture'), new File([new Uint8Array(5 * 1024 * 1024 + 1)], 'big.png', { type: 'image/png' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('larger than 5 MB');
    await user.click(screen.getByRole('button', { name: 'Remove' }));
    await waitFor(() => expect(api.me.avatar_url).toContain('default'));
  });

  it('is signed out everywhere', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    await user.click(await screen.findByRole('button', { name: 'Sign out everywhere' }));
    await waitFor(() => expect(session.state).toMatchObject({ who: 'guest', end: 'signed-out' }));
    expect(api.cookie).toBe(false);
  });

  it('is deleted with the password only', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    await user.click(await screen.findByRole('button', { name: 'Delete account…' }));
    await fill(user, screen.getByLabelText('Your password'), 'wrong');
    await user.click(screen.getByRole('button', { name: 'Delete my account for good' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('The password is wrong.');
    await user.clear(screen.getByLabelText('Your password'));
    await fill(user, screen.getByLabelText('Your password'), 'secret1');
    await user.click(screen.getByRole('button', { name: 'Delete my account for good' }));
    await waitFor(() => expect(session.state.who).toBe('guest'));
    expect(window.location.pathname).toBe('/');
  });
});
