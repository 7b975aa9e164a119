#!/usr/bin/env node
// A shopper's way through the deployed shop, in a real browser, on a desktop and on a phone.
//
//   node e2e/shop.e2e.mjs BASE_URL [--screenshots DIR]
//
// BASE_URL is where the page is; the API is asked through it. Opens an account of its own for each window and buys
// something with it. Exit code 0 when everything held, 1 when something did not, 2 when called wrongly.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { DEVICES, launch, openWindow, waitFor } from './browser.mjs';
import { Checks } from './checks.mjs';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { screenshots: { type: 'string' } } });
const base = positionals[0]?.replace(/\/+$/, '');
if (!base || !/^https?:\/\//.test(base)) {
  console.error('usage: node e2e/shop.e2e.mjs BASE_URL [--screenshots DIR]');
  process.exit(2);
}
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const euro = (cents) => new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' }).format(cents / 100);
const checks = new Checks(values.screenshots);

/** Nothing on the page keeps somebody out, and nothing sticks out of the window. */
async function isUsable(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations.map((v) => `${v.id}: ${v.help} (${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join('; ')})`);
  });
  assert.deepEqual(violations, [], 'accessibility');
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= window, `the page is ${wide} pixels wide in a window of ${window}`);
}

async function shopper(browser, device) {
  const { context, page, troubles } = await openWindow(browser, base, device, device === 'phone' ? 'dark' : 'light');
  const name = `e2e-${device}-${Date.now().toString(36)}`;
  const products = page.locator('[data-product]');
  const search = page.getByRole('searchbox', { name: 'Search groceries' });
  const basketButton = page.getByRole('button', { name: /^Basket, / });
  const shot = (what) => checks.shot(page, `${device}-${what}`);
  const count = (test) => page.waitForFunction(test);
  const names = () => page.locator('[data-product] h3').allInnerTexts();
  let catalogue = [];
  let chosen = [];
  const total = () => {
    const goods = chosen.reduce((sum, p) => sum + Math.round(p.price * 100), 0);
    return goods + (goods < 2000 ? 500 : 0);
  };
  const add = async (product) => {
    await search.fill(product.name);
    const card = page.locator(`[data-product="${product.id}"]`);
    await card.getByRole('button', { name: `Add ${product.name} to basket` }).click();
    return card;
  };

  await checks.chain(device, page, {
    'the page opens with at least 300 products on its shelves': async () => {
      const answer = page.waitForResponse((r) => r.url().endsWith('/api/products/all_products') && r.ok());
      await page.goto('/');
      catalogue = await (await answer).json();
      assert.ok(catalogue.length >= 300, `the catalogue has ${catalogue.length} products`);
      await count(() => document.querySelectorAll('[data-product]').length >= 300);
      await shot('store');
    },
    'the pictures of the first window are there': async () => {
      await count(() => {
        const seen = [...document.images].filter((i) => i.getBoundingClientRect().top < innerHeight && i.getBoundingClientRect().bottom > 0);
        return seen.length >= 2 && seen.every((i) => i.complete);
      });
      const broken = await page.evaluate(() => [...document.images].filter((i) => i.complete && i.naturalWidth === 0).map((i) => i.src));
      assert.deepEqual(broken, []);
    },
    'the store keeps nobody out': () => isUsable(page),
    'a search finds while typing, also with a mistake, and stands in the address': async () => {
      await search.pressSequentially('tomatos');
      await count(() => /tomato/i.test(document.querySelector('[data-product] h3')?.textContent ?? ''));
      assert.ok((await products.count()) < 50);
      assert.equal(new URL(page.url()).searchParams.get('q'), 'tomatos');
      await shot('search');
      await search.press('Escape');
      await count(() => document.querySelectorAll('[data-product]').length >= 300);
    },
    'an aisle shows its own goods only, also after a reload': async () => {
      const { category } = catalogue.at(-1);
      const own = catalogue.filter((p) => p.category === category).map((p) => p.name);
      const aisles = page.getByRole('navigation', { name: 'Aisles' });
      await aisles.getByRole('button', { name: category, exact: true }).click();
      await page.waitForFunction((n) => document.querySelectorAll('[data-product]').length === n, own.length);
      await page.reload();
      await page.waitForFunction((n) => document.querySelectorAll('[data-product]').length === n, own.length);
      assert.deepEqual((await names()).toSorted(), own.toSorted());
      await aisles.getByRole('button', { name: 'All aisles' }).click();
    },
    'a guest puts goods into the basket': async () => {
      const plain = catalogue.filter((p) => !p.is_alcohol && p.price > 0.5 && p.price < 5);
      const [first, second] = [plain[0], plain.at(-1)];
      const card = await add(first);
      await card.getByRole('button', { name: `One ${first.name} more` }).click();
      await add(second);
      chosen = [first, first, second];
      await basketButton.and(page.getByRole('button', { name: /^Basket, 3 items/ })).waitFor();
    },
    'alcohol waits for the question about age': async () => {
      const wine = catalogue.filter((p) => p.is_alcohol).toSorted((a, b) => a.price - b.price)[0];
      assert.ok(wine, 'the catalogue has no alcohol');
      await add(wine);
      await shot('age');
      await page.getByRole('dialog').getByRole('button', { name: 'No', exact: true }).click();
      await page.getByRole('button', { name: /^Basket, 3 items/ }).waitFor();
      await add(wine);
      await page.getByRole('dialog').getByRole('button', { name: /^Yes/ }).click();
      await page.getByRole('button', { name: /^Basket, 4 items/ }).waitFor();
      chosen.push(wine);
    },
    'the basket adds up': async () => {
      await basketButton.click();
      const drawer = page.getByRole('dialog', { name: 'Your basket' });
      await drawer.locator('[data-total]').getByText(euro(total()), { exact: true }).waitFor();
      await isUsable(page);
      await shot('basket');
      await drawer.getByRole('link', { name: 'Go to checkout' }).click();
    },
    'a new account is opened on the way to the checkout, and the goods come along': async () => {
      await page.getByRole('link', { name: 'Create an account' }).click();
      await page.getByLabel('Name', { exact: true }).fill(name);
      await page.getByLabel('Email').fill(`${name}@example.com`);
      await page.getByLabel('Password').fill(`secret-${name}`);
      await isUsable(page);
      await shot('register');
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByRole('button', { name: `Buy now for ${euro(total())}` }).waitFor();
      await page.getByLabel(`Account of ${name}`).waitFor();
      await isUsable(page);
      await shot('checkout');
    },
    'buying ends with a receipt': async () => {
      await page.getByRole('button', { name: /^Buy now/ }).click();
      await page.getByRole('heading', { name: 'It’s on its way' }).waitFor();
      await page.locator('[data-total]').getByText(euro(total()), { exact: true }).waitFor();
      await isUsable(page);
      await shot('receipt');
    },
    'the basket is empty, here and at the shop': async () => {
      await page.getByRole('button', { name: 'Basket, empty' }).waitFor();
      const stored = page.waitForResponse((r) => r.url().endsWith('/api/me/basket') && r.request().method() === 'GET');
      await page.goto('/basket');
      assert.deepEqual(await (await stored).json(), []);
      await page.getByRole('heading', { name: 'Your basket is empty' }).waitFor();
    },
    'signing out and in again leads to the same account': async () => {
      await page.getByLabel(`Account of ${name}`).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('link', { name: 'Sign in' }).click();
      await page.getByLabel('Email').fill(`${name}@example.com`);
      await page.getByLabel('Password').fill(`secret-${name}`);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByLabel(`Account of ${name}`).waitFor();
    },
    'a product has a page of its own': async () => {
      const product = catalogue[0];
      await page.goto(`/product/${product.id}`);
      await page.getByRole('heading', { level: 1, name: product.name }).waitFor();
      await isUsable(page);
      await shot('product');
    },
    'an address that does not exist says so': async () => {
      await page.goto('/nowhere');
      await page.getByRole('heading', { name: 'This aisle does not exist' }).waitFor();
    },
    'nothing went wrong behind the scenes': async () => {
      assert.deepEqual(troubles, []);
    },
  });
  await context.close();
}

let browser;
try {
  await waitFor(`${base}/api/products/all_products`);
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
