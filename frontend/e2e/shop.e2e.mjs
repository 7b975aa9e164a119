#!/usr/bin/env node
// A shopper's way through the deployed shop, in a real browser, on a desktop and on a phone.
//
//   node e2e/shop.e2e.mjs BASE_URL [--screenshots DIR]
//
// BASE_URL is where the page is; the API is asked through it. Opens an account of its own for each window and buys
// something with it. Exit code 0 when everything held, 1 when something did not, 2 when called wrongly.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEVICES, focusAt, isUsable, launch, openWindow, tabTo, waitFor } from './browser.mjs';
import { Checks } from './checks.mjs';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { screenshots: { type: 'string' } } });
const base = positionals[0]?.replace(/\/+$/, '');
if (!base || !/^https?:\/\//.test(base)) {
  console.error('usage: node e2e/shop.e2e.mjs BASE_URL [--screenshots DIR]');
  process.exit(2);
}
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });

const euro = (cents) => new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' }).format(cents / 100);
const checks = new Checks(values.screenshots);

// A picture with a colour of its own, 8 pixels square.
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mOIkqvAihiGlgQAaqE8AUCliZkAAAAASUVORK5CYII=', 'base64');

async function shopper(browser, device) {
  const { context, page, troubles } = await openWindow(browser, base, device, device === 'phone' ? 'dark' : 'light');
  const name = `e2e-${device}-${Date.now().toString(36)}`;
  const products = page.locator('[data-product]');
  const search = page.getByRole('searchbox', { name: 'Search groceries' });
  const basketButton = page.getByRole('button', { name: /^Basket, / });
  const shot = (what, full) => checks.shot(page, `${device}-${what}`, full);
  const names = () => page.locator('[data-product] h3').allInnerTexts();
  /** The number that the page says it has found, as soon as it is the wanted one. */
  const found = (n) => page.waitForFunction((want) => document.querySelector('[data-count]')?.getAttribute('data-count') === String(want), n);
  // Asked by the browser, which knows every name below .localhost.
  const api = (path) => page.evaluate(async (p) => (await fetch(p)).json(), path);
  let all;
  let chosen = [];
  let order;
  const goods = () => chosen.reduce((sum, p) => sum + p.price_cents, 0);
  const total = () => goods() + (goods() < 2000 ? 500 : 0);
  /** Presses a button or a link: on the desktop with the keyboard alone. */
  const press = async (locator) => {
    if (device !== 'desktop') return locator.click();
    await tabTo(page, locator);
    await page.keyboard.press('Enter');
  };
  const add = async (product) => {
    await search.fill(product.name);
    const card = page.locator(`[data-product="${product.id}"]`);
    await card.getByRole('button', { name: `Add ${product.name} to basket` }).click();
    return card;
  };

  await checks.chain(device, page, {
    'the page opens with at least 300 products in its aisles': async () => {
      const answer = page.waitForResponse((r) => r.url().includes('/api/v1/products?') && r.ok());
      await page.goto('/');
      all = await (await answer).json();
      assert.ok(all.total >= 300, `the catalogue has ${all.total} products`);
      await found(all.total);
      assert.ok((await products.count()) >= 24);
      await shot('store');
    },
    'the pictures of the first window are there': async () => {
      await page.waitForFunction(() => {
        const seen = [...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight && i.getBoundingClientRect().bottom > 0);
        return seen.length >= 2 && seen.every((i) => i.complete);
      });
      const broken = await page.evaluate(() => [...document.images].filter((i) => i.complete && i.naturalWidth === 0).map((i) => i.src));
      assert.deepEqual(broken, []);
    },
    'the store keeps nobody out': () => isUsable(page),
    'the list goes on by itself, then by a button, and the footer can be reached': async () => {
      const before = await products.count();
      await page.getByRole('contentinfo').scrollIntoViewIfNeeded();
      await page.waitForFunction((n) => document.querySelectorAll('[data-product]').length > n, before);
      for (let i = 0; i < 4; i++) await page.getByRole('contentinfo').scrollIntoViewIfNeeded().then(() => page.waitForTimeout(300));
      const more = page.getByRole('button', { name: 'Show more' });
      const stopped = await products.count();
      assert.ok(stopped < all.total, 'everything came at once');
      await more.focus();
      await page.keyboard.press('Enter');
      await page.waitForFunction((n) => document.querySelectorAll('[data-product]').length > n, stopped);
    },
    'going back leads to one’s place in the list, also after a reload and from another site': async () => {
      const far = products.nth(60);
      const [id, link] = [await far.getAttribute('data-product'), far.getByRole('link')];
      await link.scrollIntoViewIfNeeded();
      await page.evaluate(() => window.scrollBy(0, 200));
      const top = () => page.locator(`[data-product="${id}"]`).evaluate((e) => Math.round(e.getBoundingClientRect().top));
      const before = await top();
      const back = async (how) => {
        await page.locator(`[data-product="${id}"]`).waitFor({ state: 'attached' });
        await page.waitForFunction(([i, y]) => Math.abs(document.querySelector(`[data-product="${i}"]`).getBoundingClientRect().top - y) < 3, [id, before]).catch(async () => {
          assert.fail(`${how}: what stood at ${before} stands at ${await top()}`);
        });
      };
      await link.click();
      await page.locator('article h1').waitFor();
      await focusAt(page, 'main');
      assert.equal(await page.evaluate(() => window.scrollY), 0);
      await page.goBack();
      await back('going back');
      await page.reload();
      await back('a reload');
      await page.goto('about:blank');
      await page.goBack();
      await back('from another site');
      // A visit that begins anew begins at the top.
      await page.goto('/');
      await products.first().waitFor();
      assert.equal(await page.evaluate(() => window.scrollY), 0);
    },
    'a search that is typed on a product’s page goes on in the store': async () => {
      await products.first().getByRole('link').click();
      await page.locator('article h1').waitFor();
      await search.pressSequentially('tomat');
      await focusAt(page, '[role=search]');
      assert.equal(await search.inputValue(), 'tomat');
      await page.waitForFunction(() => /tomato/i.test(document.querySelector('[data-product] h3')?.textContent ?? ''));
      await search.fill('no such thing');
      await page.getByRole('heading', { name: 'Not on our shelves' }).waitFor();
      await isUsable(page);
      await search.press('Escape');
      await found(all.total);
    },
    'a search finds while typing, also with a mistake, and stands in the address': async () => {
      await search.pressSequentially('tomatos');
      await page.waitForFunction(() => /tomato/i.test(document.querySelector('[data-product] h3')?.textContent ?? ''));
      assert.ok((await products.count()) < 50);
      assert.equal(new URL(page.url()).searchParams.get('q'), 'tomatos');
      await shot('search');
    },
    'filters narrow it down, stand in the address, and are taken back': async () => {
      await search.press('Escape');
      await found(all.total);
      await page.getByRole('button', { name: /^Filter/ }).click();
      await page.getByRole('button', { name: 'up to €2', exact: true }).click();
      await page.getByRole('checkbox', { name: /^Pantry/ }).check();
      const want = await api('/api/v1/products?category=Pantry&max_price_cents=200&sort=price');
      await found(want.total);
      await isUsable(page);
      await shot('filter');
      if (device === 'phone') await page.getByRole('dialog').getByRole('button', { name: /^Show / }).click();
      await page.getByLabel('Order').selectOption('price');
      await page.waitForURL(/sort=price/);
      await page.reload();
      await found(want.total);
      await page.waitForFunction((n) => document.querySelector('[data-product] h3')?.textContent === n, want.items[0].name);
      assert.deepEqual((await names()).slice(0, 5), want.items.slice(0, 5).map((p) => p.name));
      await page.getByRole('button', { name: 'Remove filter: up to €2' }).click();
      await page.getByRole('navigation', { name: 'Aisles' }).getByRole('button', { name: 'All aisles' }).click();
      await found(all.total);
    },
    'a guest puts goods into the basket': async () => {
      const plain = (await api('/api/v1/products?alcohol=false&in_stock=true&min_price_cents=50&max_price_cents=500&limit=100')).items;
      const [first, second] = [plain[0], plain.at(-1)];
      await search.fill(first.name);
      const card = page.locator(`[data-product="${first.id}"]`);
      await press(card.getByRole('button', { name: `Add ${first.name} to basket` }));
      // The control has changed below the finger, which stays at its plus.
      await focusAt(page, '[data-plus]');
      await press(card.getByRole('button', { name: `One ${first.name} more` }));
      await add(second);
      chosen = [first, first, second];
      await page.getByRole('button', { name: /^Basket, 3 items/ }).waitFor();
    },
    'a guest’s favourites need an account, which is said': async () => {
      await page.locator('main').getByRole('button', { name: /^Favourite/ }).first().click();
      await page.getByText('Sign in to keep your favourites.').waitFor();
      await isUsable(page);
    },
    'it is still there after a reload': async () => {
      await page.reload();
      await page.getByRole('button', { name: `Basket, 3 items, ${euro(goods())}` }).waitFor();
    },
    'alcohol waits for the question about age': async () => {
      const wine = (await api('/api/v1/products?alcohol=true&in_stock=true&sort=price')).items[0];
      assert.ok(wine, 'the catalogue has no alcohol');
      await add(wine);
      await page.getByRole('dialog').getByRole('button', { name: 'No', exact: true }).waitFor();
      await isUsable(page);
      await shot('age');
      await page.getByRole('dialog').getByRole('button', { name: 'No', exact: true }).click();
      await page.getByRole('button', { name: /^Basket, 3 items/ }).waitFor();
      await add(wine);
      await page.getByRole('dialog').getByRole('button', { name: /^Yes/ }).click();
      await page.getByRole('button', { name: /^Basket, 4 items/ }).waitFor();
      await focusAt(page, `[data-product="${wine.id}"] [data-plus]`);
      chosen.push(wine);
    },
    'the basket adds up': async () => {
      await press(basketButton);
      const drawer = page.getByRole('dialog', { name: 'Your basket' });
      await drawer.locator('[data-total]').waitFor();
      await focusAt(page, 'dialog');
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => /^Basket, /.test(document.activeElement?.getAttribute('aria-label') ?? ''));
      await press(basketButton);
      await drawer.locator('[data-total]').getByText(euro(total()), { exact: true }).waitFor();
      await isUsable(page);
      await shot('basket');
      await press(drawer.getByRole('link', { name: 'Open the basket as a page' }));
      await page.getByRole('heading', { level: 1, name: 'Your basket' }).waitFor();
      await focusAt(page, 'main');
      await isUsable(page);
      await shot('basket-page');
      await press(page.getByRole('link', { name: 'Go to checkout' }));
    },
    'a new account is opened on the way to the checkout, and the goods come along': async () => {
      await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
      await isUsable(page);
      await press(page.getByRole('link', { name: 'Create an account' }));
      await page.getByLabel('Name', { exact: true }).fill(name);
      await page.getByLabel('Email').fill(`${name}@example.com`);
      await page.getByLabel('Password').fill(`secret-${name}`);
      await isUsable(page);
      await shot('register');
      await press(page.getByRole('button', { name: 'Create account' }));
      await page.getByLabel(`Account of ${name}`).waitFor();
    },
    'the address is filled in': async () => {
      await page.getByLabel('Name', { exact: true }).fill('Erika Mustermann');
      await page.getByLabel('Street and number').fill('Elbchaussee 7');
      await page.getByLabel('Postal code').fill('22765');
      await page.getByLabel('City').fill('Hamburg');
      await isUsable(page);
      await shot('checkout-address');
      await press(page.getByRole('button', { name: 'Continue to payment' }));
    },
    'the payment is chosen': async () => {
      await page.getByRole('radio', { name: /^Cash/ }).check();
      await isUsable(page);
      await shot('checkout-payment');
      await press(page.getByRole('button', { name: 'Continue to review' }));
    },
    'the last look adds up, and ordering ends with a receipt': async () => {
      await page.getByRole('button', { name: `Order now for ${euro(total())}` }).waitFor();
      await isUsable(page);
      await shot('checkout-review');
      const placed = page.waitForResponse((r) => r.url().endsWith('/api/v1/orders') && r.request().method() === 'POST');
      await press(page.getByRole('button', { name: /^Order now/ }));
      order = await (await placed).json();
      await page.getByRole('heading', { name: 'It’s on its way' }).waitFor();
      await page.locator('[data-total]').getByText(euro(total()), { exact: true }).waitFor();
      await isUsable(page);
      await shot('thanks');
    },
    'the basket is empty, here and at the shop': async () => {
      await page.getByRole('button', { name: 'Basket, empty' }).waitFor();
      const stored = page.waitForResponse((r) => r.url().endsWith('/api/v1/me/basket') && r.request().method() === 'GET');
      await page.goto('/basket');
      assert.deepEqual((await (await stored).json()).items, []);
      await page.getByRole('heading', { name: 'Your basket is empty' }).waitFor();
      await isUsable(page);
    },
    'who has bought reviews it': async () => {
      await page.goto(`/product/${chosen[0].id}`);
      await page.getByRole('button', { name: 'Write a review' }).click();
      // The radio buttons lie under their stars.
      await page.getByRole('radio', { name: /^5 of 5/ }).check({ force: true });
      await page.getByLabel(/What should others know/).fill('Just as it should be.\nAgain next week.');
      await isUsable(page);
      await shot('review-form');
      await page.getByRole('button', { name: 'Publish your review' }).click();
      const mine = page.getByRole('article', { name: `Review by ${name}` });
      await mine.getByText('Just as it should be.').waitFor();
      await mine.getByRole('button', { name: 'Edit your review' }).click();
      await page.getByRole('radio', { name: /^4 of 5/ }).check({ force: true });
      await page.getByRole('button', { name: 'Save your review' }).click();
      await mine.getByText('4 of 5 stars').waitFor();
      await isUsable(page);
      await shot('product', true);
    },
    'a favourite is marked and found again': async () => {
      await page.getByRole('button', { name: 'Favourite', exact: true }).click();
      await page.getByRole('button', { name: 'Favourite', exact: true, pressed: true }).waitFor();
      await page.getByLabel(`Account of ${name}`).click();
      await isUsable(page);
      await shot('menu');
      await page.getByRole('link', { name: 'Favourites' }).click();
      await page.locator(`[data-product="${chosen[0].id}"]`).waitFor();
      await isUsable(page);
      await shot('favourites');
    },
    'the order is listed and printed': async () => {
      await page.goto('/orders');
      await page.getByRole('link', { name: order.number }).waitFor();
      await isUsable(page);
      await shot('orders');
      await page.getByRole('link', { name: order.number }).click();
      await page.getByRole('article', { name: `Receipt ${order.number}` }).waitFor();
      await isUsable(page);
      await shot('order', true);
      await page.emulateMedia({ media: 'print' });
      assert.equal(await page.getByRole('banner').isVisible(), false, 'the header is printed');
      await shot('order-print', true);
      await page.emulateMedia({ media: null });
    },
    'it is ordered again with one press': async () => {
      await page.getByRole('button', { name: `Order again, ${order.number}` }).click();
      await page.getByRole('heading', { level: 1, name: 'Your basket' }).waitFor();
      await page.getByRole('button', { name: /^Basket, 4 items/ }).waitFor();
      await page.locator('[data-total]').getByText(euro(total()), { exact: true }).waitFor();
    },
    'the account shows a new picture before it is kept, or says why not': async () => {
      await page.goto('/account');
      await page.getByLabel('Choose a picture').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: PICTURE });
      const preview = page.getByAltText('Your new picture');
      await preview.waitFor();
      assert.ok(await preview.evaluate((i) => i.decode().then(() => i.naturalWidth > 0)), 'the preview is not shown');
      await isUsable(page);
      await shot('account', true);
      await page.getByRole('button', { name: 'Cancel' }).click();
    },
    'signing out and in again leads to the same account, and brings a guest’s goods into its basket': async () => {
      await page.getByLabel(`Account of ${name}`).click();
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.getByRole('button', { name: 'Basket, empty' }).waitFor();
      const other = (await api('/api/v1/products?alcohol=false&in_stock=true&sort=-price')).items[0];
      await add(other);
      // The checkout of somebody who has left asks a guest to sign in, not to order.
      await basketButton.click();
      await page.getByRole('dialog', { name: 'Your basket' }).getByRole('link', { name: 'Go to checkout' }).click();
      await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
      await page.getByLabel('Email').fill(`${name}@example.com`);
      await page.getByLabel('Password').fill(`secret-${name}`);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByLabel(`Account of ${name}`).waitFor();
      chosen.push(other);
      await page.getByRole('button', { name: `Basket, 5 items, ${euro(goods())}` }).waitFor();
    },
    'the session outlives a reload, also in a second tab': async () => {
      await page.reload();
      await page.getByLabel(`Account of ${name}`).waitFor();
      const tab = await context.newPage();
      await tab.goto(`${base}/orders`);
      await tab.getByRole('link', { name: order.number }).waitFor();
      await tab.close();
    },
    'an address that does not exist says so': async () => {
      await page.goto('/nowhere');
      await page.getByRole('heading', { name: 'This aisle does not exist' }).waitFor();
      await isUsable(page);
    },
    'nothing went wrong behind the scenes': async () => {
      assert.deepEqual(troubles, []);
    },
  });
  await context.close();
}

let browser;
try {
  await waitFor(`${base}/api/v1/categories`);
  browser = await launch();
  for (const device of Object.keys(DEVICES)) await shopper(browser, device);
} catch (error) {
  await checks.chain('shop', null, {
    'the shop can be reached': () => {
      throw error;
    },
  });
} finally {
  await browser?.close();
}
process.exit(checks.finish());
