#!/usr/bin/env node
// Holds the built page to its marks: Lighthouse in the system's chromium, as a phone, on a store of this machine's own.
//
//   node scripts/lighthouse.mjs [BASE_URL]
//
// Builds the page, serves it with nginx in front of a real backend and database, and measures each page three times.
// With BASE_URL it measures what stands there instead. Exit code 1 when a mark is not reached.
//
// What counts is the median of the three. They are measured anew, twice at most, only where the machine was disturbed:
// Lighthouse times the machine itself before each run (its benchmark index), and one of the three was clearly slower
// than this machine is known to be. A set on an undisturbed machine counts as it is, good or bad; so does the third.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import lighthouse from 'lighthouse';
import { throttling } from 'lighthouse/core/config/constants.js';
import { launch as launchChrome } from 'chrome-launcher';
import { startShop } from '../e2e/backend.mjs';

const MARKS = { performance: 90, accessibility: 100, 'best-practices': 100 };
const RUNS = 3;
// The phone that Lighthouse stands for is 4 times slower than a machine of this benchmark index; a slower machine is
// slowed down less. https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md#cpu-throttling
const REFERENCE = 1500;
const SETS = 3;
/** A run on less than this share of the best index seen was disturbed. */
const UNDISTURBED = 0.8;
const frontend = resolve(import.meta.dirname, '..');
const chromePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => p && existsSync(p));
if (!chromePath) throw new Error('no chromium found: install the package chromium, or name the program in CHROMIUM');

const phone = { ...throttling.mobileSlow4G };
let shop;
let chrome;
let best = 0;

const indexOf = ({ environment }) => {
  best = Math.max(best, environment.benchmarkIndex);
  return environment.benchmarkIndex;
};

/** Starts chromium, which now and then does not come up on a machine that does much else: once more, then. */
async function browser(again = true) {
  try {
    return await launchChrome({ chromePath, chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'] });
  } catch (error) {
    if (!again) throw new Error('chromium does not come up', { cause: error });
    console.log('      chromium did not come up: started once more');
    return browser(false);
  }
}

async function measure(url) {
  phone.cpuSlowdownMultiplier = throttling.mobileSlow4G.cpuSlowdownMultiplier * Math.min(1, best / REFERENCE);
  const runs = [];
  while (runs.length < RUNS) {
    const { lhr } = await lighthouse(url, { port: chrome.port, logLevel: 'error', onlyCategories: Object.keys(MARKS), throttling: phone });
    if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`);
    runs.push(lhr);
  }
  return runs;
}

const scoresOf = (runs, category) => runs.map((r) => Math.round(r.categories[category].score * 100)).sort((a, b) => a - b);
const medianOf = (runs, category) => scoresOf(runs, category)[Math.floor(RUNS / 2)];

let failed = false;
try {
  let base = process.argv[2]?.replace(/\/+$/, '');
  if (!base) {
    execFileSync(process.execPath, [join(frontend, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: frontend, stdio: 'inherit' });
    shop = await startShop();
    base = shop.base;
  }
  const { items } = await (await fetch(`${base}/api/v1/products?limit=1`)).json();
  chrome = await browser();
  indexOf((await lighthouse(base, { port: chrome.port, logLevel: 'error', onlyAudits: ['viewport'] })).lhr);
  for (const [name, path] of [
    ['store', '/'],
    ['product', `/product/${items[0].id}`],
  ]) {
    let runs;
    for (let set = 1; set <= SETS; set++) {
      runs = await measure(base + path);
      const slowest = Math.min(...runs.map(indexOf));
      if (medianOf(runs, 'performance') >= MARKS.performance || slowest >= best * UNDISTURBED) break;
      console.log(`      ${name}: performance ${medianOf(runs, 'performance')} on a disturbed machine (benchmark index ${slowest}, at best ${best}); ${set < SETS ? 'measured again' : 'this set counts'}`);
    }
    for (const [category, mark] of Object.entries(MARKS)) {
      const scores = scoresOf(runs, category);
      const median = medianOf(runs, category);
      const good = median >= mark;
      failed ||= !good;
      console.log(`${good ? 'ok  ' : 'FAIL'}  ${name}: ${category} ${median}, at least ${mark} (${scores.join(', ')})`);
      if (good) continue;
      const worst = runs.find((r) => Math.round(r.categories[category].score * 100) === median);
      for (const { id, weight } of worst.categories[category].auditRefs) {
        const audit = worst.audits[id];
        if (weight > 0 && audit.score !== null && audit.score < 0.9) console.log(`        ${id}: ${audit.displayValue ?? ''} ${audit.title}`);
      }
    }
    const middle = runs.map((r) => r.audits).sort((a, b) => a['largest-contentful-paint'].numericValue - b['largest-contentful-paint'].numericValue)[Math.floor(RUNS / 2)];
    console.log(`      ${name}: benchmark index ${runs.map((r) => r.environment.benchmarkIndex).join(', ')}, slowed down ${phone.cpuSlowdownMultiplier.toFixed(1)} times`);
    console.log(`      ${name}: ${['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift'].map((id) => `${id} ${middle[id].displayValue}`).join(', ')}`);
  }
} finally {
  chrome?.kill();
  await shop?.stop();
}
process.exit(failed ? 1 : 0);
