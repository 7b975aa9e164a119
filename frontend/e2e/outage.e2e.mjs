#!/usr/bin/env node
// What a shopper sees when the shop goes away and comes back, when a session runs out, and when an answer gets lost: in a
// real browser, on a backend and a database of its own that it may stop.
//
//   npm run build && node e2e/outage.e2e.mjs [--screenshots DIR]
//
// Exit code 0 when everything held, 1 when something did not.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startShop } from './backend.mjs';
import { isUsable, launch, openWindow } from './browser.mjs';
import { Checks } from './checks.mjs';

const { values } = parseArgs({ options: { screenshots: { type: 'string' } } });
if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });
const checks = new Checks(values.screenshots);
const NAME = 'erika';

const shop = await startShop();
const browser = await launch();
try {
  const { page, context } = await openWindow(browser, shop.base, 'desktop');
  const count = (n) => page.getByRole('button', { name: new RegExp(`^Basket, ${n} item`) });
  const add = async (i) => page.locator('[data-product]').nth(i).getByRole('button', { name: /^Add / }).click();
  const refreshes = [];
  page.on('request', (r) => r.url().endsWith('/api/v1/auth/refresh') && refreshes.push(r.url()));
  /** The server’s access tokens are worth nothing any more, as after 15 minutes; only this page does not know. */
  const expire = (pages) =>
    Promise.all(
      pages.map((p) =>
        p.route('**/api/v1/me/**', (route) => route.continue({ headers: { ...route.request().headers(), authorization: 'Bearer a.b.c' } }), { times: 1 }),
      ),
    );

  await checks.chain('outage', page, {
    'somebody opens an account and puts goods into the basket': async () => {
      await page.goto('/register');
      await page.getByLabel('Name', { exact: true }).fill(NAME);
      await page.getByLabel('Email').fill(`${NAME}@example.com`);
      await page.getByLabel('Password').fill('secret-of-erika');
      await page.getByRole('button', { name: 'Create account' }).click();
      await page.getByLabel(`Account of ${NAME}`).waitFor();
      await add(0);
      await count(1).waitFor();
    },
    'a token that is refused is renewed without anybody noticing': async () => {
      const before = refreshes.length;
      await page.waitForLoadState('networkidle');
      await expire([page]);
      // The change shows at once; what counts is that the shop has taken it.
      const saved = page.waitForResponse((r) => r.url().includes('/me/basket/items/') && r.ok());
      await add(1);
      await saved;
      await count(2).waitFor();
      assert.equal(refreshes.length, before + 1);
      await page.getByLabel(`Account of ${NAME}`).waitFor();
    },
    'no token is kept where a script can read it later': async () => {
      const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
      assert.doesNotMatch(kept, /eyJ|token/i);
      const cookie = (await context.cookies()).find((c) => c.name === 'grocery_refresh');
      assert.ok(cookie?.httpOnly && cookie.sameSite === 'Strict' && cookie.path === '/api/v1/auth', JSON.stringify(cookie));
    },
    'two tabs renew one after the other, and both stay signed in': async () => {
      const tab = await context.newPage();
      await tab.goto(`${shop.base}/orders`);
      await tab.getByText('Nothing ordered yet').waitFor();
      await expire([page, tab]);
      await Promise.all([page.reload(), tab.goto(`${shop.base}/favourites`)]);
      await Promise.all([page.getByLabel(`Account of ${NAME}`).waitFor(), tab.getByText('Nothing marked yet').waitFor()]);
      await tab.close();
    },
    'the shop goes away: what is shown stays, a change is taken back and said': async () => {
      await count(2).waitFor();
      await shop.backend.stop();
      await add(2);
      await page.getByText(/cannot reach the shop|has a problem/).first().waitFor();
      await count(2).waitFor();
      await checks.shot(page, 'outage-away');
    },
    'a page that is opened meanwhile says that the shop is closed, and signs nobody out': async () => {
      await page.reload();
      await page.getByRole('heading', { name: 'The shop is closed for a moment' }).waitFor();
      assert.equal(await page.getByRole('link', { name: 'Sign in' }).count(), 0);
      await isUsable(page);
      await checks.shot(page, 'outage-closed');
    },
    'it is back: goods, session and basket come by themselves': async () => {
      await shop.backend.start();
      await page.locator('[data-product]').first().waitFor();
      await page.getByLabel(`Account of ${NAME}`).waitFor({ timeout: 45_000 });
      await count(2).waitFor();
      await add(2);
      await count(3).waitFor();
    },
    'without a network the pages are there all the same, and say so': async () => {
      // All parts of the page have been sent for by now.
      const part = page.waitForResponse((r) => /NotFoundPage/.test(r.url()));
      await page.goto('/');
      await page.locator('[data-product]').first().waitFor();
      await part;
      await page.waitForLoadState('networkidle');
      await context.setOffline(true);
      await page.getByText(/^You are offline/).waitFor();
      await isUsable(page);
      await page.getByRole('button', { name: /^Basket, / }).click();
      await page.getByRole('dialog', { name: 'Your basket' }).locator('[data-total]').waitFor();
      await page.keyboard.press('Escape');
      const link = page.locator('[data-product]').nth(3).getByRole('link');
      const name = await link.innerText();
      await link.click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
      await context.setOffline(false);
      await page.getByText(/^You are offline/).waitFor({ state: 'detached' });
      await page.getByText('What buyers say').waitFor();
    },
    'a part of the page that does not arrive leaves the rest standing, and comes when tried again': async () => {
      const tab = await context.newPage();
      let loads = 0;
      tab.on('load', () => loads++);
      await tab.route('**/assets/OrdersPage-*', (route) => route.abort('connectionreset'));
      await tab.goto(`${shop.base}/orders`);
      await tab.getByRole('heading', { name: 'This page did not arrive' }).waitFor();
      // The page itself could be reached, so it was loaded anew, once.
      assert.equal(loads, 2);
      await isUsable(tab);
      await checks.shot(tab, 'outage-part');
      await tab.unroute('**/assets/OrdersPage-*');
      await tab.getByRole('button', { name: 'Try again' }).click();
      await tab.getByText('Nothing ordered yet').waitFor();
      await tab.close();
    },
    'what is sold out keeps nobody out': async () => {
      shop.sql('UPDATE products SET stock = 0 WHERE id = 1');
      await page.goto('/product/1');
      await page.getByText(/^Sold out at the moment/).waitFor();
      await isUsable(page);
      await checks.shot(page, 'outage-sold-out');
      shop.sql('UPDATE products SET stock = 100 WHERE id = 1');
    },
    'an order whose answer gets lost is made once, also when the page was reloaded': async () => {
      await page.goto('/checkout');
      await page.getByLabel('Name', { exact: true }).fill('Erika Mustermann');
      await page.getByLabel('Street and number').fill('Elbchaussee 7');
      await page.getByLabel('Postal code').fill('22765');
      await page.getByLabel('City').fill('Hamburg');
      await page.getByRole('button', { name: 'Continue to payment' }).click();
      await page.getByRole('radio', { name: /^Card/ }).check();
      await checks.shot(page, 'outage-test-card');
      await page.getByRole('button', { name: 'Continue to review' }).click();
      // The shop gets the order; its answer does not arrive.
      await page.route('**/api/v1/orders', async (route) => {
        if (route.request().method() !== 'POST') return route.continue();
        await route.fetch();
        await route.abort('connectionreset');
      });
      await page.getByRole('button', { name: /^Order now/ }).click();
      await page.getByText(/nothing is bought twice/).waitFor();
      await checks.shot(page, 'outage-lost');
      await page.unroute('**/api/v1/orders');
      await page.reload();
      await page.getByRole('button', { name: /^Order now/ }).click();
      await page.getByRole('heading', { name: 'It’s on its way' }).waitFor();
      assert.equal(shop.sql('SELECT count(*) FROM orders'), '1');
    },
    'somebody else was faster: it is said, and one goes on with what there is': async () => {
      await page.goto('/');
      await add(0);
      const saved = page.waitForResponse(async (r) => r.url().includes('/me/basket/items/') && r.ok() && (await r.json()).items[0]?.quantity === 2);
      await page.locator('[data-product]').nth(0).getByRole('button', { name: /more$/ }).click();
      await saved;
      await page.goto('/checkout');
      await page.getByRole('button', { name: 'Continue to payment' }).click();
      await page.getByRole('button', { name: 'Continue to review' }).click();
      await page.getByRole('button', { name: /^Order now/ }).waitFor();
      shop.sql('UPDATE products SET stock = 1 WHERE id = (SELECT product_id FROM basket_items LIMIT 1)');
      await page.getByRole('button', { name: /^Order now/ }).click();
      await page.getByRole('button', { name: 'Take 1' }).waitFor();
      await checks.shot(page, 'outage-stock');
      await page.getByRole('button', { name: 'Take 1' }).click();
      await count(1).waitFor();
      await page.getByRole('button', { name: /^Order now/ }).click();
      await page.getByRole('heading', { name: 'It’s on its way' }).waitFor();
    },
    'a picture is uploaded and shown': async () => {
      const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mOIkqvAihiGlgQAaqE8AUCliZkAAAAASUVORK5CYII=', 'base64');
      await page.goto('/account');
      const before = await page.getByAltText('Your picture').getAttribute('src');
      await page.getByLabel('Choose a picture').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: picture });
      await page.getByRole('button', { name: 'Use this picture' }).click();
      await page.getByAltText('Your picture').waitFor();
      assert.notEqual(await page.getByAltText('Your picture').getAttribute('src'), before);
      assert.ok(await page.getByAltText('Your picture').evaluate((i) => i.decode().then(() => i.naturalWidth === 256)));
    },
    'signed out everywhere, also the other tab has to sign in again': async () => {
      const tab = await context.newPage();
      await tab.goto(`${shop.base}/orders`);
      await tab.getByRole('heading', { level: 1, name: 'Orders' }).waitFor();
      await page.getByRole('button', { name: 'Sign out everywhere' }).click();
      await page.getByRole('link', { name: 'Sign in' }).waitFor();
      await tab.getByRole('link', { name: 'Sign in' }).waitFor();
      await tab.close();
    },
  });
} finally {
  await browser.close();
  await shop.stop();
}
process.exit(checks.finish());
