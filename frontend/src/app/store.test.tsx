import { act, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { session } from '@/lib/session';
import { add, shown } from '@/testing/acts';
import { openShop } from '@/testing/open-shop';
import { PRODUCTS, ShopAPI } from '@/testing/shop-api';

describe('the store', () => {
  it('stands on its shelves by aisle, with prices and packs', async () => {
    new ShopAPI();
    openShop();
    expect(await screen.findByText('7 products in 5 aisles')).toBeInTheDocument();
    const fruit = screen.getByRole('region', { name: 'Fruit' });
    expect(within(fruit).getByRole('link', { name: 'Red Apples' })).toBeInTheDocument();
    expect(within(fruit).getByText('€2.49')).toBeInTheDocument();
    expect(within(fruit).queryByText('Riesling')).not.toBeInTheDocument();
    expect(screen.getByText('Only 2 left')).toBeInTheDocument();
  });

  it('is searched while typing, and the address follows', async () => {
    new ShopAPI();
    const user = openShop();
    await screen.findByText('Bananas');
    await user.type(screen.getByRole('searchbox'), 'tomatos');
    await waitFor(() => expect(shown()).toEqual(['Vine Tomatoes', 'Tomato Ketchup']));
    expect(screen.getByText(/Nothing matches exactly/)).toBeInTheDocument();
    expect(window.location.search).toBe('?q=tomatos');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(shown()).toHaveLength(7));
    expect(window.location.search).toBe('');
  });

  it('opens searched, filtered and ordered from an address', async () => {
    new ShopAPI();
    openShop('/?category=Dairy&sort=price');
    await waitFor(() => expect(shown()).toEqual(['Natural Yogurt', 'Crème fraîche']));
    expect(screen.getByRole('button', { name: 'Dairy' })).toHaveAttribute('aria-pressed', 'true');
  });

  it('is narrowed down by price, stars, stock, aisle and alcohol, each to take back', async () => {
    new ShopAPI(PRODUCTS.map((p) => (p.id === 4 ? { ...p, stock: 0 } : p)));
    const user = openShop('/?sort=price');
    await user.click(await screen.findByRole('button', { name: 'Filter' }));
    await user.click(await screen.findByRole('checkbox', { name: /in stock/ }));
    await waitFor(() => expect(shown()).not.toContain('Tomato Ketchup'));
    await user.click(screen.getByRole('checkbox', { name: /Dairy/ }));
    await user.click(screen.getByRole('checkbox', { name: /Fruit/ }));
    await user.click(screen.getByRole('button', { name: 'up to €2' }));
    await waitFor(() => expect(shown()).toEqual(['Natural Yogurt', 'Crème fraîche', 'Bananas']));
    await user.click(screen.getByRole('radio', { name: /4 of 5/ }));
    await user.click(screen.getByRole('checkbox', { name: /without alcohol/ }));
    await waitFor(() => expect(shown()).toEqual(['Bananas']));
    expect(new URLSearchParams(window.location.search).getAll('category')).toEqual(['Dairy', 'Fruit']);
    await user.click(screen.getByRole('button', { name: 'Remove filter: 4 stars or more' }));
    await waitFor(() => expect(shown()).toHaveLength(3));
    await user.click(screen.getByRole('button', { name: 'Clear all filters' }));
    await waitFor(() => expect(shown()).toHaveLength(7));
    expect(window.location.search).toBe('?sort=price');
  });

  it('takes written prices in either order when one leaves the field', async () => {
    new ShopAPI();
    const user = openShop('/?stock=yes');
    await user.type(await screen.findByLabelText('Price from, in euros'), '3');
    await user.tab();
    await user.type(screen.getByLabelText('Price to, in euros'), '1,50{Enter}');
    await waitFor(() => expect(window.location.search).toBe('?min=1.50&max=3&stock=yes'));
  });

  it('goes back with the browser’s button', async () => {
    new ShopAPI();
    const user = openShop();
    await user.click(await screen.findByRole('button', { name: 'Fruit' }));
    await waitFor(() => expect(shown()).toEqual(['Red Apples', 'Bananas']));
    window.history.back();
    await waitFor(() => expect(shown()).toHaveLength(7));
  });

  it('goes on by a button, and the keyboard with it', async () => {
    new ShopAPI(Array.from({ length: 40 }, (_, i) => ({ ...PRODUCTS[0]!, id: i + 1, name: `Apple ${i + 1}` })));
    const user = openShop();
    expect(await screen.findByText('24 of 40 products')).toBeInTheDocument();
    const more = screen.getByRole('button', { name: 'Show more' });
    await user.click(more);
    await waitFor(() => expect(shown()).toHaveLength(40));
    expect(screen.queryByRole('button', { name: 'Show more' })).not.toBeInTheDocument();
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
    api.refuse.set('GET /api/v1/products', [503, { error: 'The shop is not available at the moment.' }]);
    const user = openShop();
    expect(await screen.findByText('The shop is not available at the moment.')).toBeInTheDocument();
    api.refuse.clear();
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Bananas')).toBeInTheDocument();
  });

  it('sells no more than there is, and says why', async () => {
    new ShopAPI();
    const user = openShop('/product/5');
    await user.click(await screen.findByRole('button', { name: 'Add to basket' }));
    await user.click(screen.getByRole('button', { name: 'One Crème fraîche more' }));
    const more = screen.getByRole('button', { name: 'One Crème fraîche more' });
    expect(more).toHaveAttribute('aria-disabled', 'true');
    expect(more).toHaveAccessibleDescription('There are no more than 2.');
    await user.click(more);
    expect(more).toHaveFocus();
    expect(screen.getByRole('button', { name: /^Basket, 2 items/ })).toBeInTheDocument();
  });

  it('sells nothing that is sold out', async () => {
    new ShopAPI(PRODUCTS.map((p) => (p.id === 2 ? { ...p, stock: 0 } : p)));
    openShop('/product/2');
    expect(await screen.findByText('Sold out')).toBeInTheDocument();
    expect(screen.getByText(/Sold out at the moment/)).toBeInTheDocument();
    expect(screen.queryByRole('button', { name: /Add to basket/ })).not.toBeInTheDocument();
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
});

describe('a search', () => {
  it('goes on letter by letter from any page', async () => {
    new ShopAPI();
    const user = openShop('/product/2');
    await screen.findByRole('heading', { level: 1, name: 'Bananas' });
    await user.type(screen.getByRole('searchbox'), 'tom');
    expect(screen.getByRole('searchbox')).toHaveFocus();
    expect(screen.getByRole('searchbox')).toHaveValue('tom');
    await waitFor(() => expect(shown()).toEqual(['Vine Tomatoes', 'Tomato Ketchup']));
    expect(window.location.search).toBe('?q=tom');
  });

  it('that the shop refuses does not make it a closed shop', async () => {
    const api = new ShopAPI();
    api.refuse.set('GET /api/v1/products', [400, { error: 'This search is too long.' }]);
    const user = openShop('/?q=x');
    expect(await screen.findByText('This search is too long.')).toBeInTheDocument();
    expect(screen.queryByText('The shop is closed for a moment')).not.toBeInTheDocument();
    api.refuse.clear();
    await user.click(screen.getByRole('button', { name: 'Show everything' }));
    await waitFor(() => expect(shown()).toHaveLength(7));
    expect(screen.getByRole('searchbox')).toHaveAttribute('maxlength', '100');
  });
});

describe('one’s place in the list', () => {
  const scrollTo = (y: number) => {
    Object.defineProperty(window, 'scrollY', { value: y, configurable: true });
    window.dispatchEvent(new Event('scroll'));
  };
  /** As a browser whose page is long enough. */
  const scrolled = () => vi.spyOn(window, 'scrollTo').mockImplementation(((_: number, y: number) => scrollTo(y)));

  it('is where going back leads to', async () => {
    new ShopAPI();
    const scroll = scrolled();
    const user = openShop();
    await screen.findByText('Bananas');
    scrollTo(420);
    await user.click(screen.getByRole('link', { name: 'Bananas' }));
    await screen.findByRole('heading', { level: 1, name: 'Bananas' });
    expect(scroll).toHaveBeenLastCalledWith(0, 0);
    window.history.back();
    await screen.findByRole('link', { name: 'Riesling' });
    expect(scroll).toHaveBeenLastCalledWith(0, 420);
  });

  it('is found again after a reload, as soon as the page is long enough', async () => {
    new ShopAPI();
    const scroll = scrolled();
    const before = openShop();
    await screen.findByText('Bananas');
    scrollTo(420);
    window.dispatchEvent(new Event('pagehide'));
    before.unmount();
    let grow = () => undefined as void;
    vi.stubGlobal(
      'ResizeObserver',
      class {
        constructor(told: () => void) {
          grow = told;
        }
        observe() {}
        disconnect() {
          grow = () => undefined;
        }
      },
    );
    try {
      scroll.mockImplementation((() => scrollTo(100))); // no longer than this yet
      openShop();
      expect(scroll).toHaveBeenLastCalledWith(0, 420);
      expect(window.scrollY).toBe(100);
      scrolled();
      grow();
      expect(window.scrollY).toBe(420);
      const calls = scroll.mock.calls.length;
      grow();
      expect(scroll.mock.calls.length).toBe(calls);
    } finally {
      vi.unstubAllGlobals();
      scrollTo(0);
    }
  });
});

it.each(['/product/999', '/product/x', '/nowhere'])('has nothing at %s and says so', async (path) => {
  new ShopAPI();
  openShop(path);
  expect(await screen.findByRole('link', { name: 'Back to the shop' })).toHaveAttribute('href', '/');
});

describe('favourites', () => {
  it('lead a guest to an account', async () => {
    new ShopAPI();
    const user = openShop('/?q=ban');
    await user.click(await screen.findByRole('button', { name: 'Favourite: Bananas' }));
    expect(screen.getByText('Sign in to keep your favourites.')).toBeInTheDocument();
    expect(screen.getAllByRole('link', { name: 'Sign in' }).at(-1)).toHaveAttribute('href', '/sign-in?next=%2F%3Fq%3Dban');
  });

  it('show at once, and stand on their page', async () => {
    const api = new ShopAPI();
    api.favourites = [1];
    const user = openShop('/product/2', api);
    const heart = await screen.findByRole('button', { name: 'Favourite' });
    await user.click(heart);
    expect(heart).toHaveAttribute('aria-pressed', 'true');
    await waitFor(() => expect(api.favourites).toEqual([1, 2]));
    await user.click(screen.getByLabelText('Account of anna'));
    await user.click(screen.getByRole('link', { name: 'Favourites' }));
    await screen.findByRole('heading', { level: 1, name: 'Favourites' });
    await waitFor(() => expect(shown().toSorted()).toEqual(['Bananas', 'Red Apples']));
  });

  it('are taken back when the shop refuses', async () => {
    const api = new ShopAPI();
    api.refuse.set('PUT /api/v1/me/favourites/{id}', [503, { error: 'Not now.' }]);
    const user = openShop('/product/2', api);
    const heart = await screen.findByRole('button', { name: 'Favourite' });
    await user.click(heart);
    expect(await screen.findByText('Not now.')).toBeInTheDocument();
    await waitFor(() => expect(heart).toHaveAttribute('aria-pressed', 'false'));
  });
});

describe('reviews', () => {
  it('stand on the product’s page with their sum', async () => {
    new ShopAPI();
    openShop('/product/2');
    expect(await screen.findByRole('heading', { level: 1, name: 'Bananas' })).toBeInTheDocument();
    expect(await screen.findByText('Just ripe.')).toBeInTheDocument();
    expect(screen.getAllByText('4 of 5 stars').length).toBeGreaterThan(0);
    expect(screen.getByText(/Sign in to review/)).toBeInTheDocument();
    expect(document.title).toBe('Bananas | Grocery');
  });

  it('are led to from the stars, as a page one can go back from', async () => {
    new ShopAPI();
    const user = openShop('/product/2');
    await user.click(await screen.findByRole('link', { name: /4.0, 1 review/ }));
    expect(screen.getByRole('region', { name: 'What buyers say' })).toHaveFocus();
    expect(window.location.hash).toBe('#reviews');
    expect(window.history.state).toHaveProperty('key');
  });

  it('are read once, as whoever is there', async () => {
    const api = new ShopAPI();
    api.cookie = true;
    localStorage.setItem('grocery.session', 'in');
    openShop('/product/2');
    expect(await screen.findByText('You can review this once you have bought it.')).toBeInTheDocument();
    expect(api.calls.filter((c) => c.endsWith('/reviews'))).toHaveLength(1);
  });

  it('stay while somebody signs in, and what may be done with them waits', async () => {
    const api = new ShopAPI();
    api.bought.add(2);
    openShop('/product/2');
    expect(await screen.findByText('Just ripe.')).toBeInTheDocument();
    act(() => session.begin(api.session()));
    expect(screen.getByText('Just ripe.')).toBeInTheDocument();
    expect(screen.queryByText('You can review this once you have bought it.')).not.toBeInTheDocument();
    expect(await screen.findByRole('button', { name: 'Write a review' })).toBeInTheDocument();
  });

  it('are for those who have bought', async () => {
    const api = new ShopAPI();
    openShop('/product/2', api);
    expect(await screen.findByText('You can review this once you have bought it.')).toBeInTheDocument();
  });

  it('are written, changed and deleted', async () => {
    const api = new ShopAPI();
    api.bought.add(2);
    const user = openShop('/product/2', api);
    await user.click(await screen.findByRole('button', { name: 'Write a review' }));
    await user.click(screen.getByRole('button', { name: 'Publish your review' }));
    expect(screen.getByText('Choose one to five stars.')).toBeInTheDocument();
    await user.click(screen.getByRole('radio', { name: /5 of 5/ }));
    await user.type(screen.getByLabelText(/What should others know/), 'Sweet.');
    await user.click(screen.getByRole('button', { name: 'Publish your review' }));
    const mine = await screen.findByRole('article', { name: 'Review by anna' });
    expect(within(mine).getByText('Sweet.')).toBeInTheDocument();

    await user.click(within(mine).getByRole('button', { name: 'Edit your review' }));
    await user.click(screen.getByRole('radio', { name: /2 of 5/ }));
    await user.click(screen.getByRole('button', { name: 'Save your review' }));
    await waitFor(() => expect(api.reviews[0]).toMatchObject({ rating: 2, comment: 'Sweet.' }));

    await user.click(await screen.findByRole('button', { name: 'Delete' }));
    await user.click(screen.getByRole('button', { name: 'Delete' }));
    await waitFor(() => expect(screen.queryByRole('article', { name: 'Review by anna' })).not.toBeInTheDocument());
    expect(screen.getByText('Just ripe.')).toBeInTheDocument();
  });
});

it('shows what stands next to a product when there is time', async () => {
  new ShopAPI();
  openShop('/product/1');
  expect(await screen.findByRole('region', { name: 'Next to it on the shelf' })).toHaveTextContent('Bananas');
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
  expect(await add('Bananas')).toBeInTheDocument();
});
