import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { session } from '@/lib/session';
import { add, fill, signIn } from '@/testing/acts';
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

describe('who has signed out', () => {
  it('can go to the checkout as a guest, and is asked to sign in', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    await user.click(await screen.findByLabelText('Account of anna'));
    await user.click(screen.getByRole('button', { name: 'Sign out' }));
    await user.click(await add('Bananas'));
    await user.click(screen.getByRole('button', { name: /^Basket, 1 item/ }));
    await user.click(await screen.findByRole('link', { name: 'Go to checkout' }));
    expect(await screen.findByRole('heading', { level: 1, name: 'Sign in' })).toBeInTheDocument();
    expect(window.location.search).toBe(`?next=${encodeURIComponent('/checkout')}`);
  });

  it('in another window does not keep a guest of this one from the checkout', async () => {
    const api = new ShopAPI();
    const user = openShop('/basket', api);
    await screen.findByLabelText('Account of anna');
    api.cookie = false;
    session.ended('signed-out');
    await user.click(await screen.findByRole('link', { name: 'Sign in' }));
    await user.click(screen.getByRole('link', { name: 'Grocery' }));
    await user.click(await add('Bananas'));
    await user.click(screen.getByRole('button', { name: /^Basket, 1 item/ }));
    await user.click(await screen.findByRole('link', { name: 'Go to checkout' }));
    expect(await screen.findByText(/What is in your basket comes along/)).toBeInTheDocument();
  });
});

describe('while the shop is away', () => {
  const away = () => {
    const api = new ShopAPI();
    api.cookie = true;
    api.down.add('POST /api/v1/auth/refresh');
    localStorage.setItem('grocery.session', 'in');
    return api;
  };

  it('a page of the account says so, and asks again when it is told to', async () => {
    const api = away();
    const user = openShop('/orders');
    expect(await screen.findByRole('heading', { level: 1, name: 'The shop is closed for a moment' })).toBeInTheDocument();
    api.down.clear();
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Nothing ordered yet')).toBeInTheDocument();
  });

  it('a heart says why it does nothing', async () => {
    away();
    const user = openShop();
    await user.click(await screen.findByRole('button', { name: 'Favourite: Bananas' }));
    expect(await screen.findByText(/the shop has not answered/)).toBeInTheDocument();
  });
});

describe('who keeps passwords is told what belongs to them', () => {
  it.each(['/sign-in', '/register'])('%s', async (path) => {
    new ShopAPI();
    openShop(path);
    expect(await screen.findByLabelText('Email')).toHaveAttribute('autocomplete', 'username');
    const name = screen.queryByLabelText('Name');
    if (name) expect(name).toHaveAttribute('autocomplete', 'nickname');
  });

  it('/account', async () => {
    openShop('/account', new ShopAPI());
    expect(await screen.findByLabelText('Email')).toHaveAttribute('autocomplete', 'username');
    expect(screen.getByLabelText('Name')).toHaveAttribute('autocomplete', 'nickname');
    const form = screen.getByLabelText('New password').closest('form')!;
    expect(form.querySelector('[autocomplete="username"]')).toHaveValue('anna@example.com');
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

  it('shows a picture before it is used', async () => {
    const api = new ShopAPI();
    const user = openShop('/account', api);
    const input = await screen.findByLabelText('Choose a picture');
    await user.upload(input, new File(['x'], 'me.png', { type: 'image/png' }));
    expect(screen.getByAltText('Your new picture')).toHaveAttribute('src', 'blob:picture');
    await user.click(screen.getByRole('button', { name: 'Use this picture' }));
    await waitFor(() => expect(screen.getByAltText('Your picture')).toHaveAttribute('src', '/api/me/avatar/new.png'));

    await user.click(screen.getByRole('button', { name: 'Remove' }));
    await waitFor(() => expect(api.me.avatar_url).toContain('default'));
  });

  it('scales a large photo down before it is sent', async () => {
    const api = new ShopAPI();
    const drawn = vi.fn();
    vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 4000, height: 3000, close: () => undefined }));
    vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue({ fillRect: () => undefined, drawImage: drawn } as unknown as RenderingContext);
    vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation((done, type) => done(new Blob(['small'], { type })));
    try {
      const user = openShop('/account', api);
      await user.upload(await screen.findByLabelText('Choose a picture'), new File([new Uint8Array(6 * 1024 * 1024)], 'photo.jpg', { type: 'image/jpeg' }));
      await user.click(await screen.findByRole('button', { name: 'Use this picture' }));
      expect(drawn).toHaveBeenCalledWith(expect.anything(), 0, 0, 1024, 768);
      await waitFor(() => expect(screen.getByAltText('Your picture')).toHaveAttribute('src', '/api/me/avatar/new.png'));
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('refuses a picture that the browser cannot read', async () => {
    const api = new ShopAPI();
    vi.stubGlobal('createImageBitmap', () => Promise.reject(new DOMException('No picture.', 'InvalidStateError')));
    try {
      const user = openShop('/account', api);
      await user.upload(await screen.findByLabelText('Choose a picture'), new File(['x'], 'me.webp', { type: 'image/webp' }));
      expect(await screen.findByRole('alert')).toHaveTextContent('cannot read this picture');
      expect(screen.queryByRole('button', { name: 'Use this picture' })).not.toBeInTheDocument();
    } finally {
      vi.unstubAllGlobals();
    }
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
