// Holds the page to its budget: the JavaScript that index.html loads before anything shows, compressed.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const BUDGET = 120_000; // bytes, gzip
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const html = readFileSync(`${dist}/index.html`, 'utf8');
const files = [...html.matchAll(/(?:src|href)="(\/[^"]+\.js)"/g)].map((m) => m[1]);
let sum = 0;
for (const file of files) {
  const size = gzipSync(readFileSync(dist + file), { level: 9 }).length;
  sum += size;
  console.log(`${String(size).padStart(8)} B gzip  ${file}`);
}
console.log(`${String(sum).padStart(8)} B gzip  initial JavaScript, at most ${BUDGET}`);
if (files.length === 0 || sum > BUDGET) {
  console.error('The page loads too much JavaScript at the start: load what the store does not need with lazy().');
  process.exit(1);
}
