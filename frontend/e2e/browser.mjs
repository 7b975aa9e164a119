// The system's chromium, driven by playwright-core: no browser is downloaded.
import assert from 'node:assert/strict';
import { lookup } from 'node:dns';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // What is under test is on this machine; a proxy of the environment would be asked in vain.
  '--no-proxy-server',
];

/** The windows a shopper uses. */
export const DEVICES = {
  desktop: { viewport: { width: 1360, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

/** Starts the browser; says which package to install when there is none. */
export async function launch() {
  const executablePath = CANDIDATES.find((p) => p && existsSync(p));
  if (!executablePath) throw new Error('no chromium found: install the package chromium, or name the program in CHROMIUM');
  return chromium.launch({ executablePath, args: FLAGS });
}

/**
 * Opens a window of a device. What goes wrong inside the page (errors, refused policies, failed files) is collected in
 * `troubles`, so that a check can ask for there being none.
 */
export async function openWindow(browser, baseURL, device, colorScheme = 'light') {
  const context = await browser.newContext({ ...DEVICES[device], baseURL, colorScheme, reducedMotion: 'reduce', locale: 'en-IE' });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const troubles = [];
  page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
  page.on('pageerror', (error) => troubles.push(String(error)));
  return { context, page, troubles };
}

/** Goes on with the Tab key until something has the focus, as somebody without a mouse does. */
export async function tabTo(page, locator) {
  await locator.waitFor();
  for (let i = 0; i < 80; i++) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not reach ${locator}`);
}

/** Waits until the focus is at what a selector finds, or inside of it. */
export async function focusAt(page, selector) {
  await page.waitForFunction((s) => document.activeElement?.closest(s) !== null, selector);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Nothing on the page keeps somebody out, in either theme, and nothing sticks out of the window. */
export async function isUsable(page) {
  await page.evaluate(axe);
  const theme = await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
  for (const colorScheme of [theme === 'dark' ? 'light' : 'dark', theme]) {
    // As the page's own switch does it.
    await page.evaluate((scheme) => (document.documentElement.style.colorScheme = scheme), colorScheme === theme ? '' : colorScheme);
    // Colours that are on their way to the other theme are no colours of the page.
    await page.evaluate(async () => {
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      await Promise.all(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => undefined)));
    });
    const violations = await page.evaluate(async () => {
      const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
      return violations.map((v) => `${v.id}: ${v.help} (${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')}: ${n.any[0]?.message ?? ''}`).join('; ')})`);
    });
    assert.deepEqual(violations, [], `accessibility of ${page.url()}, ${colorScheme}`);
  }
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= window, `the page is ${wide} pixels wide in a window of ${window}`);
}

/** Waits until a server answers the address with a success; a fresh deployment may take its time. */
export async function waitFor(url, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last = '';
  while (Date.now() < end) {
    try {
      const status = await statusOf(url);
      if (status >= 200 && status < 300) return;
      last = `HTTP ${status}`;
    } catch (error) {
      last = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`${url} did not answer within ${seconds} s: ${last}`);
}

// Browsers know that every name under .localhost is this machine (RFC 6761); the system's resolver often does not.
function resolveLocalhost(host, options, done) {
  lookup(/(^|\.)localhost$/.test(host) ? '127.0.0.1' : host, options, done);
}

function statusOf(url) {
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const request = client.get(url, { lookup: resolveLocalhost, timeout: 10_000, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
    request.on('error', reject);
  });
}
