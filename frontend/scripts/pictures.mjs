// The product pictures. The catalogue names them (column `picture` of backend/postgres/catalogue.csv); the files come
// from the npm package @lobehub/fluent-emoji-3d. They are 256 pixels square and about 5 kB each, so they are copied as
// they are. Only pictures that the catalogue names are shipped, and a name without a file stops the build.
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
export const CATALOGUE = join(here, '../../backend/postgres/catalogue.csv');
export const SET = join(here, '../node_modules/@lobehub/fluent-emoji-3d/assets');

/** Splits CSV text (RFC 4180: quoted fields, doubled quotes, either line ending) into rows of fields. */
export function parseCSV(text) {
  const rows = [];
  let row = [];
  let field = '';
  let quoted = false;
  const input = text.replace(/^\uFEFF/, '');
  for (let i = 0; i < input.length; i++) {
    const c = input[i];
    if (quoted) {
      if (c !== '"') field += c;
      else if (input[i + 1] === '"') field += input[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') {
      row.push(field);
      field = '';
    } else if (c === '\n' || c === '\r') {
      if (c === '\r' && input[i + 1] === '\n') i++;
      rows.push([...row, field]);
      row = [];
      field = '';
    } else field += c;
  }
  if (field !== '' || row.length > 0) rows.push([...row, field]);
  return rows.filter((r) => r.length > 1 || r[0] !== '');
}

/** Returns the picture names of a catalogue, each once, sorted; throws when one has no file in the set. */
export function picturesOf(csv, set = SET) {
  const [head = [], ...rows] = parseCSV(csv);
  const column = head.indexOf('picture');
  if (column < 0) throw new Error('the catalogue has no column "picture": its first line must name the columns');
  const names = new Set();
  const missing = [];
  rows.forEach((row, i) => {
    const name = row[column] ?? '';
    if (!/^[a-z0-9-]+$/.test(name)) missing.push(`row ${i + 2}: "${name}" is no picture name`);
    else if (!existsSync(join(set, `${name}.webp`))) missing.push(`row ${i + 2}: the set has no picture "${name}"`);
    names.add(name);
  });
  if (missing.length > 0) {
    throw new Error(`the catalogue names ${missing.length} pictures that cannot be shipped:\n  ${missing.join('\n  ')}`);
  }
  return [...names].sort();
}

/** Vite plugin: puts the pictures into the build as products/<name>.webp and serves them in development. */
export function pictures() {
  return {
    name: 'grocery-pictures',
    generateBundle() {
      for (const name of picturesOf(readFileSync(CATALOGUE, 'utf8'))) {
        this.emitFile({ type: 'asset', fileName: `products/${name}.webp`, source: readFileSync(join(SET, `${name}.webp`)) });
      }
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = /^\/products\/([a-z0-9-]+)\.webp$/.exec(request.url ?? '')?.[1];
        const file = name && join(SET, `${name}.webp`);
        if (!file || !existsSync(file)) return next();
        response.setHeader('Content-Type', 'image/webp');
        createReadStream(file).pipe(response);
      });
    },
  };
}
